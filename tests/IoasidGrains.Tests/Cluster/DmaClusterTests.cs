// Workloads on clusters where a device is moved to its fd's silo: they run, are watched, stopped and detached, and hold nothing up.
using System.Diagnostics;
using Orleans.Runtime;

namespace IoasidGrains.Tests;

[Collection(ClusterFixture.Collection)]
public sealed class DmaClusterTests(ClusterFixture clusters)
{
    private const int Chunks = 8;
    private const long Long = 1L << 40;

    private Task<DmaClusterBed> BedOn(bool threeSilos) => DmaClusterBed.Create(threeSilos ? clusters.ThreeSilos : clusters.OneSilo, Chunks);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Run_Completes_AndReportsWhatItDid(bool threeSilos)
    {
        DmaClusterBed bed = await BedOn(threeSilos);
        DeviceId device = await bed.AttachDevice("dev", _ => true);
        long last = -1;
        DmaReport report = await bed.RunToItsEnd(device, 1 << 20, now =>
        {
            Assert.True(now.Accesses >= last);
            last = now.Accesses;
        });
        Assert.Equal((DmaRunState.Completed, 1L << 20, 1L << 20, 64L << 20), (report.State, report.Accesses, report.Translations, report.Bytes));
        Assert.Equal((0, 0), (report.Faulted, report.Freed));
        Assert.True(report.Nanoseconds > 0);
    }

    [Fact]
    public async Task Bind_MovesTheDeviceToItsFdsSilo_WhereItReadsTheTableItself()
    {
        DmaClusterBed bed = await BedOn(threeSilos: true);
        SiloAddress home = await bed.SiloOfFd();
        DeviceId device = await bed.AttachDevice("dev", silo => !silo.Equals(home));
        DmaReport report = await bed.RunToItsEnd(device, 10_000, _ => { });
        Assert.Equal((DmaRunState.Completed, 0L, 0L), (report.State, report.CacheLookups, report.CacheFills));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Watch_ShowsProgress_AndStopEndsTheRun(bool threeSilos)
    {
        DmaClusterBed bed = await BedOn(threeSilos);
        DeviceId device = await bed.AttachDevice("dev", _ => true);
        long number = (await bed.Start(device, Long)).Number;
        DmaReport first = await bed.WatchUntil(device, number, report => report.Accesses > 0);
        DmaReport second = await bed.WatchUntil(device, number, report => report.Accesses > first.Accesses);
        Assert.Equal(DmaRunState.Running, second.State);
        DmaReport stopped = DmaClusterBed.ReportOf(await bed.Client.Call(new StopDma(device, number)));
        Assert.Equal(DmaRunState.Cancelled, stopped.State);
        Assert.Equal(stopped.Accesses, DmaClusterBed.ReportOf(await bed.Client.Call(new WatchDma(device, number))).Accesses);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Detach_DuringARun_IsAnswered_AndTheRunEndsDetached(bool threeSilos)
    {
        DmaClusterBed bed = await BedOn(threeSilos);
        DeviceId device = await bed.AttachDevice("dev", _ => true);
        long number = (await bed.Start(device, Long)).Number;
        await bed.WatchUntil(device, number, report => report.Accesses > 0);
        long began = Stopwatch.GetTimestamp();
        Assert.Equal("0", (await bed.Client.Call(new VfioDetachIoasid(device, new IoasidNumber(1)))).ToString());
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(2), "DETACH took as long as a lease.");
        Assert.Equal(DmaRunState.Detached, DmaClusterBed.ReportOf(await bed.Client.Call(new WatchDma(device, number))).State);
    }

    [Fact]
    public async Task Run_HoldsUpNoMessageToItsDevice()
    {
        DmaClusterBed bed = await BedOn(threeSilos: false);
        DeviceId device = await bed.AttachDevice("dev", _ => true);
        long number = (await bed.Start(device, Long)).Number;
        for (int i = 0; i < 1000; i++)
        {
            Assert.Equal(DmaRunState.Running, DmaClusterBed.ReportOf(await bed.Client.Call(new WatchDma(device, number))).State);
        }

        Assert.Equal("0 at=fd1+0x1000 snooped data=00", (await bed.Client.Call(new DeviceDma(device, 0, 1, DmaAccess.Read, false, null))).ToString());
        DmaClusterBed.ReportOf(await bed.Client.Call(new StopDma(device, number)));
    }
}
