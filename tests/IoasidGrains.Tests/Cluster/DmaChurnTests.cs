// Pages are unmapped and freed under two devices that read and write them: on one silo, across silos, and while the silo of one of them is killed.
using System.Diagnostics;
using IoasidGrains.Grains;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.TestingHost;
using Xunit.Abstractions;

namespace IoasidGrains.Tests;

/// <summary>
/// After UNMAP has answered the owner marks the pages as freed; a device that reaches one counts it. Clusters of their own: devices stay where their names put
/// them, and one silo dies. With IOASID_STRESS=1 each takes at least ten million pages.
/// </summary>
public sealed class DmaChurnTests(ITestOutputHelper output)
{
    private const int Chunks = 16;
    private const int Churners = 4;
    private const long Long = 1L << 40;
    private static readonly bool Stress = Environment.GetEnvironmentVariable("IOASID_STRESS") == "1";
    private static readonly long Pages = Stress ? 10_000_384 : 100L * DmaClusterBed.PagesPerChunk;

    [Fact]
    public async Task UnmappedPages_AreReachedByNoDevice_OnOneSilo()
    {
        await using TestCluster cluster = await Deploy(1);
        DmaClusterBed bed = await DmaClusterBed.Create(cluster, Chunks);
        DmaReport[] reports = await ChurnUnderTwo(bed, await bed.AttachDevice("a", _ => true), await bed.AttachDevice("b", _ => true));
        Assert.All(reports, report => Assert.Equal(0, report.CacheLookups));
    }

    [Fact]
    public async Task UnmappedPages_AreReachedByNoDevice_AcrossSilos()
    {
        await using TestCluster cluster = await Deploy(3);
        DmaClusterBed bed = await DmaClusterBed.Create(cluster, Chunks);
        SiloAddress home = await bed.SiloOfFd();
        DeviceId a = await bed.AttachDevice("a", silo => !silo.Equals(home));
        SiloAddress other = await bed.SiloOfDevice(a);
        DeviceId b = await bed.AttachDevice("b", silo => !silo.Equals(home) && !silo.Equals(other));
        DmaReport[] reports = await ChurnUnderTwo(bed, a, b);
        Assert.All(reports, report => Assert.True(report is { CacheLookups: > 0, CacheFills: > 0 }, report.Text));
    }

    /// <summary>The killed silo holds neither the log nor the fd. TestCluster keeps its membership on the primary.</summary>
    [Fact]
    public async Task SiloOfADevice_Killed_TheRunIsLost_UnmapIsAnswered_AndNoFreedPageIsReached()
    {
        await using TestCluster cluster = await Deploy(3);
        SiloAddress log = await DmaClusterBed.SiloOfLog(cluster);
        SiloAddress[] stay = [cluster.Primary!.SiloAddress, log];
        DmaClusterBed bed = await DmaClusterBed.Create(cluster, Chunks, stay);
        SiloAddress home = await bed.SiloOfFd();
        DeviceId doomed = await bed.AttachDevice("doomed", silo => !stay.Contains(silo));
        DeviceId survivor = await bed.AttachDevice("survivor", stay.Contains);
        SiloAddress victim = await bed.SiloOfDevice(doomed);
        Assert.NotEqual(home, victim);

        var progress = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        DmaReport last = DmaReport.Nothing;
        Task<DmaReport> lost = bed.RunToItsEnd(doomed, Long, report =>
        {
            last = report.State == DmaRunState.Running ? report : last;
            if (report.Accesses > 0)
            {
                progress.TrySetResult();
            }
        });
        long number = (await bed.Start(survivor, Long, seed: 2)).Number;
        await progress.Task.WaitAsync(DmaClusterBed.Deadline);
        await bed.Churn(Churners, Pages / 2);

        SiloHandle handle = cluster.Silos.Single(silo => silo.SiloAddress.Equals(victim));
        Task killed = cluster.KillSiloAsync(handle);
        long began = Stopwatch.GetTimestamp();
        await bed.Recycle(bed.Client, 0);
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        await killed;
        await bed.Churn(Churners, Pages / 2);

        DmaReport report = await lost.WaitAsync(DmaClusterBed.Deadline);
        Assert.Equal(DmaRunState.Lost, report.State);
        Assert.True(report.Accesses > 0 && report.Accesses == last.Accesses, report.Text);
        DmaReport end = DmaClusterBed.ReportOf(await bed.Client.Call(new StopDma(survivor, number)));
        Assert.Equal((0, 0), (report.Freed, end.Freed));
        output.WriteLine($"UNMAP to MAP at the kill took {took.TotalSeconds:f1} s; lost: {report.Text}; survivor: {end.Text}");
        Assert.Equal(DmaRunState.Completed, (await bed.RunToItsEnd(doomed, 1024, _ => { })).State);
    }

    private async Task<DmaReport[]> ChurnUnderTwo(DmaClusterBed bed, params DeviceId[] devices)
    {
        List<long> numbers = [];
        foreach (DeviceId device in devices)
        {
            long number = (await bed.Start(device, Long, seed: (ulong)numbers.Count + 1)).Number;
            await bed.WatchUntil(device, number, report => report.Accesses > 0);
            numbers.Add(number);
        }

        long began = Stopwatch.GetTimestamp();
        await bed.Churn(Churners, Pages);
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        List<DmaReport> reports = [];
        foreach ((DeviceId device, long number) in devices.Zip(numbers))
        {
            DmaReport report = DmaClusterBed.ReportOf(await bed.Client.Call(new StopDma(device, number)));
            output.WriteLine($"{Pages} pages in {took.TotalSeconds:f1} s under {device}: {report.Text}");
            Assert.Equal((DmaRunState.Cancelled, 0L), (report.State, report.Freed));
            Assert.True(report.Bytes > 0, "Nothing was read at all.");
            reports.Add(report);
        }

        return [.. reports];
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
