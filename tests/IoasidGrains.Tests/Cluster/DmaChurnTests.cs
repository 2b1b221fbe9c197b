// Pages are unmapped and freed under devices that read and write them: on one silo, across silos, and while the silo of a device is killed again and again.
using System.Diagnostics;
using IoasidGrains.Grains;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.TestingHost;
using Xunit.Abstractions;

namespace IoasidGrains.Tests;

/// <summary>
/// After UNMAP has answered the owner marks the page as freed; a device that reaches one counts it. Clusters of their own: devices stay where their names put
/// them, and silos die. With IOASID_STRESS=1 each takes ten million UNMAPs. Several fds at once, each with one writer and two readers: while one UNMAP waits for
/// a reader, others go on.
/// </summary>
public sealed class DmaChurnTests(ITestOutputHelper output)
{
    private static readonly bool Stress = Environment.GetEnvironmentVariable("IOASID_STRESS") == "1";

    /// <summary>UNMAPs of one test; in rounds, each of which is reported, and has a silo killed in its middle where silos are killed.</summary>
    private static readonly long Unmaps = Stress ? 10_000_000 : 8_000;

    /// <summary>Fds, each with a writer of its own.</summary>
    private static readonly int Writers = Stress ? 16 : 4;

    private static readonly int Rounds = Stress ? 20 : 2;

    [Fact]
    public async Task UnmappedPages_AreReachedByNoDevice_OnOneSilo()
    {
        await using TestCluster cluster = await Deploy(1);
        SiloAddress home = cluster.Primary!.SiloAddress;
        DmaReport[] reports = await ChurnUnderTwo(cluster, home, home, home);
        Assert.All(reports, report => Assert.Equal(0, report.CacheLookups));
    }

    [Fact]
    public async Task UnmappedPages_AreReachedByNoDevice_AcrossSilos()
    {
        await using TestCluster cluster = await Deploy(3);
        SiloAddress home = await DmaClusterBed.SiloOfLog(cluster);
        SiloAddress[] others = [.. cluster.Silos.Select(silo => silo.SiloAddress).Where(silo => !silo.Equals(home))];
        DmaReport[] reports = await ChurnUnderTwo(cluster, home, others[0], others[1]);
        Assert.All(reports, report => Assert.True(report is { CacheLookups: > 0, CacheFills: > 0 }, report.Text));
    }

    /// <summary>The killed silos hold neither the log nor an fd. TestCluster keeps its membership on the primary.</summary>
    [Fact]
    public async Task SiloOfADevice_KilledAgainAndAgain_UnmapIsAnswered_AndNoFreedPageIsReached()
    {
        await using TestCluster cluster = await Deploy(3);
        SiloAddress[] stay = [cluster.Primary!.SiloAddress, await DmaClusterBed.SiloOfLog(cluster)];
        DmaChurn[] churns = await Churns(cluster, stay[1]);
        DeviceId[] survivors = await StartReaders(churns, "survivor", stay.Contains);
        SiloHandle victim = cluster.Silos.First(silo => !stay.Contains(silo.SiloAddress));
        for (int round = 1; round <= Rounds; round++)
        {
            DeviceId[] doomed = await StartReaders(churns, $"doomed{round}x", victim.SiloAddress.Equals);
            await Churn(churns, Unmaps / Rounds / 2, $"round {round}, before the kill");
            Task killed = cluster.KillSiloAsync(victim);
            await Churn(churns, Unmaps / Rounds / 2, $"round {round}, from the kill on");
            await killed;
            DmaReport[] lost = await StopReaders(churns, doomed);
            Assert.All(lost, report => Assert.True(report is { State: DmaRunState.Lost, Accesses: > 0 }, report.Text));
            await Task.WhenAll(churns.Zip(doomed, async (churn, device) =>
                Assert.Equal("0", (await churn.Bed.Client.Call(new VfioUnbindIoasidFd(device))).ToString())));
            victim = await cluster.StartAdditionalSiloAsync();
        }

        Assert.All(await StopReaders(churns, survivors), report => Assert.Equal(DmaRunState.Cancelled, report.State));
    }

    private async Task<DmaReport[]> ChurnUnderTwo(TestCluster cluster, SiloAddress home, SiloAddress one, SiloAddress other)
    {
        DmaChurn[] churns = await Churns(cluster, home);
        DeviceId[] first = await StartReaders(churns, "a", one.Equals);
        DeviceId[] second = await StartReaders(churns, "b", other.Equals);
        for (int round = 1; round <= Rounds; round++)
        {
            await Churn(churns, Unmaps / Rounds, $"round {round}");
        }

        DmaReport[] reports = [.. await StopReaders(churns, first), .. await StopReaders(churns, second)];
        Assert.All(reports, report => Assert.True(report is { State: DmaRunState.Cancelled, Bytes: > 0 }, report.Text));
        return reports;
    }

    private async Task Churn(DmaChurn[] churns, long unmaps, string what)
    {
        long began = Stopwatch.GetTimestamp();
        await Task.WhenAll(churns.Select(churn => Task.Run(() => churn.Run(unmaps / Writers))));
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        output.WriteLine($"{what}: {unmaps} UNMAPs in {took.TotalSeconds:f1} s, {unmaps / took.TotalSeconds:f0} per second");
    }

    private static async Task<DmaChurn[]> Churns(TestCluster cluster, SiloAddress home)
    {
        var churns = new DmaChurn[Writers];
        for (int i = 0; i < Writers; i++)
        {
            churns[i] = new DmaChurn(await DmaClusterBed.Create(cluster, 0, home));
            await churns[i].Fill();
        }

        return churns;
    }

    /// <summary>One for each writer.</summary>
    private static Task<DeviceId[]> StartReaders(DmaChurn[] churns, string prefix, Func<SiloAddress, bool> isWanted) => Task.WhenAll(churns.Select(async churn =>
    {
        DeviceId device = await churn.Bed.AttachDevice(prefix, isWanted);
        await churn.StartReader(device);
        return device;
    }));

    private async Task<DmaReport[]> StopReaders(DmaChurn[] churns, DeviceId[] devices)
    {
        DmaReport[] reports = await Task.WhenAll(churns.Zip(devices, (churn, device) => churn.StopReader(device)));
        foreach ((DeviceId device, DmaReport report) in devices.Zip(reports))
        {
            output.WriteLine($"{device}: {report.Text}");
        }

        return reports;
    }

    private static async Task<TestCluster> Deploy(short silos)
    {
        var builder = new TestClusterBuilder(silos);
        builder.AddSiloBuilderConfigurator<UnmovedDevices>();
        TestCluster cluster = builder.Build();
        await cluster.DeployAsync();
        return cluster;
    }

    private sealed class UnmovedDevices : ISiloConfigurator
    {
        public void Configure(ISiloBuilder silo) => silo
            .AddIoasidGrains().UseFastFailureDetection(TimeSpan.FromSeconds(5)).Configure<DmaOptions>(options => options.MoveDevices = false);
    }
}
