// What an invocation of `ioasid dma` has come to; printed by DmaTable and DmaJson.
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>The run of one device.</summary>
/// <param name="Refused">Why it was not started; OK if it was.</param>
/// <param name="Seconds">That it took.</param>
/// <param name="Expected">Faults in the pages that are churned; they are part of the game.</param>
/// <param name="Unexpected">All others.</param>
internal sealed record DeviceResult(
    DeviceId Device, Errno Refused, DmaReport Report, double Seconds, DmaFaultCount[] Expected, DmaFaultCount[] Unexpected)
{
    public bool IsSound => Refused == Errno.OK && Unexpected.Length == 0 && Report.Freed == 0 && Report.State is DmaRunState.Completed or DmaRunState.Cancelled;

    /// <summary>A device whose page table is on its silo reads that; one elsewhere asks its cache.</summary>
    public string Path => Report.CacheLookups > 0 ? "cache" : Report.Translations > 0 ? "view" : "-";

    public double TranslationsPerSecond => Seconds <= 0 ? 0 : Report.Translations / Seconds;

    public double BytesPerSecond => Seconds <= 0 ? 0 : Report.Bytes / Seconds;

    /// <summary>Of the look-ups in the cache, 0 to 1; null without one.</summary>
    public double? HitRate => Report.CacheLookups == 0 ? null : (double)Report.CacheHits / Report.CacheLookups;

    /// <param name="hasClock">False if the runner's time is not that of the wall.</param>
    public static DeviceResult Of(DeviceId device, Reply reply, TimeSpan took, bool hasClock, ChurnRing? churn)
    {
        var report = reply.Outputs as DmaReport ?? DmaReport.Nothing;
        double seconds = hasClock ? report.Nanoseconds / 1e9 : took.TotalSeconds;
        ILookup<bool, DmaFaultCount> faults = report.Faults.ToLookup(fault => IsChurned(fault, churn));
        return new DeviceResult(device, reply.Errno, report, seconds, [.. faults[true]], [.. faults[false]]);
    }

    /// <summary>A report names the first address of a reason; that one has to speak for the others.</summary>
    private static bool IsChurned(DmaFaultCount fault, ChurnRing? churn) =>
        fault.Fault is DmaFault.NoRead or DmaFault.NoWrite && churn?.Range.Contains(new IovaRange(fault.FirstIova, fault.FirstIova)) == true;
}

/// <summary>All runs of one invocation.</summary>
/// <param name="SetUp">How long declaring, attaching and mapping took.</param>
/// <param name="Churn">Null without <c>--churn</c>.</param>
internal sealed record DmaResult(DmaChoice Choice, DmaPlan Plan, TimeSpan SetUp, DeviceResult[] Devices, ChurnReport? Churn)
{
    public bool IsSound => Devices.All(device => device.IsSound) && (Churn is null || Churn.Refused == Errno.OK);

    /// <summary>Freed pages that a device reached.</summary>
    public long Stale => Devices.Sum(device => device.Report.Freed);

    public double TranslationsPerSecond => Devices.Sum(device => device.TranslationsPerSecond);

    public double BytesPerSecond => Devices.Sum(device => device.BytesPerSecond);
}
