// A silo keeps its page tables valid by asking the log which of them live elsewhere.
using System.Diagnostics;
using System.Net;
using IoasidGrains.Contracts;
using IoasidGrains.Grains;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.TestingHost;

namespace IoasidGrains.Tests;

[Collection(ClusterFixture.Collection)]
public sealed class SiloLeaseTests(ClusterFixture clusters)
{
    private static readonly SiloAddress One = Silo(1), Other = Silo(2);
    private static readonly PageTableId T = new(new IoasidId(new FdId("h/fd"), new IoasidNumber(1)), 0), U = new(new IoasidId(new FdId("h/fd"), new IoasidNumber(2)), 0);

    [Fact]
    public void TableThatAnotherSiloTook_IsToldOnce()
    {
        var takeovers = new Takeovers();
        takeovers.Take(T, Other);
        TakenTables first = takeovers.Since(One, 0);
        Assert.Equal([T], first.Elsewhere);
        takeovers.Take(U, Other);
        Assert.Equal([U], takeovers.Since(One, first.Last).Elsewhere);
        Assert.Empty(takeovers.Since(One, takeovers.Since(One, 0).Last).Elsewhere);
        Assert.NotEqual(first.Life, new Takeovers().Since(One, 0).Life);
    }

    [Fact]
    public void TableThatTheSiloTookItself_IsNotToldToIt()
    {
        var takeovers = new Takeovers();
        takeovers.Take(T, Other);
        takeovers.Take(T, One);
        Assert.Empty(takeovers.Since(One, 0).Elsewhere);
        Assert.Equal([T], takeovers.Since(Other, 0).Elsewhere);
    }

    [Fact]
    public async Task EverySilo_IsRenewed()
    {
        foreach (GrainPorts ports in clusters.ThreeSilos.Silos.Select(PortsOf))
        {
            long before = ports.Views.ValidUntil;
            await Until(() => ports.Views.ValidUntil > before && ports.Views.ValidUntil > ports.Views.Now);
        }
    }

    /// <summary>A silo that was cut off when one of its tables was filled again elsewhere, and that has come back.</summary>
    [Fact]
    public async Task TableThatAnotherSiloTook_IsReadNoMore_AndFilledAgainWhenItIsAskedAfterAll()
    {
        TestCluster cluster = clusters.OneSilo;
        DmaClusterBed bed = await DmaClusterBed.Create(cluster, chunks: 1);
        DeviceId device = await bed.AttachDevice("dev", _ => true);
        var table = new PageTableId(new IoasidId(bed.Fd, DmaClusterBed.One), 0);
        GrainPorts ports = PortsOf(cluster.Silos[0]);
        Assert.NotNull(ports.Views.Find(table));

        await cluster.GrainFactory.GetGrain<ICommitLogGrain>(ICommitLogGrain.Key).TakeTable(table, Other);
        await Until(() => ports.Views.Find(table) is null);
        var read = new DeviceDma(device, 0, 1, DmaAccess.Read, false, null);
        Assert.Equal(DmaFault.None, Assert.IsType<DmaOutcome>((await bed.Client.Call(read)).Outputs).Fault);
        Assert.NotNull(ports.Views.Find(table));
    }

    private static GrainPorts PortsOf(SiloHandle silo) => ((InProcessSiloHandle)silo).SiloHost.Services.GetRequiredService<GrainPorts>();

    private static SiloAddress Silo(int port) => SiloAddress.New(new IPEndPoint(IPAddress.Loopback, port), 1);

    private static async Task Until(Func<bool> reached)
    {
        long began = Stopwatch.GetTimestamp();
        while (!reached())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < DmaClusterBed.Deadline);
            await Task.Yield();
        }
    }
}
