// The result of `ioasid dma` for people.
using System.Globalization;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>A row per device, their sum, and what is to be said besides.</summary>
internal static class DmaTable
{
    private static readonly string[] Head = ["DEVICE", "STATE", "ACCESSES", "TRANSLATIONS", "M/s", "GB/s", "PATH", "HITS", "FAULTS"];

    /// <summary>The first columns are words, the others numbers; so are path and faults.</summary>
    private static readonly bool[] IsNumber = [false, false, true, true, true, true, false, true, false];

    public static IEnumerable<string> Lines(DmaResult result)
    {
        List<string[]> rows = [Head, .. result.Devices.Select(Row)];
        if (result.Devices.Length > 1)
        {
            rows.Add(Total(result));
        }

        return TextTable.Lines(rows, column => IsNumber[column])
            .Append("")
            .Append(SetUp(result))
            .Concat(Churn(result))
            .Concat(result.Devices.SelectMany(Remarks));
    }

    /// <summary>The state's word; one that was refused has none.</summary>
    public static string State(DeviceResult device) =>
        device.Refused == Errno.OK ? device.Report.State == DmaRunState.Cancelled ? "stopped" : device.Report.State.ToString().ToLowerInvariant() : $"-{device.Refused}";

    private static string[] Row(DeviceResult device) =>
    [
        device.Device.ToString(), State(device), Whole(device.Report.Accesses), Whole(device.Report.Translations), Millions(device.TranslationsPerSecond),
        Giga(device.BytesPerSecond), device.Path, device.HitRate is { } hits ? Percent(hits) : "-", Faults([.. device.Expected, .. device.Unexpected]),
    ];

    private static string[] Total(DmaResult result)
    {
        long lookups = result.Devices.Sum(device => device.Report.CacheLookups);
        IEnumerable<DmaFaultCount> faults = result.Devices.SelectMany(device => device.Report.Faults)
            .GroupBy(fault => fault.Fault).OrderBy(reason => reason.Key).Select(reason => reason.First() with { Count = reason.Sum(fault => fault.Count) });
        return
        [
            "total", "", Whole(result.Devices.Sum(device => device.Report.Accesses)), Whole(result.Devices.Sum(device => device.Report.Translations)),
            Millions(result.TranslationsPerSecond), Giga(result.BytesPerSecond), "",
            lookups == 0 ? "-" : Percent(result.Devices.Sum(device => device.Report.CacheHits) / (double)lookups), Faults([.. faults]),
        ];
    }

    private static string SetUp(DmaResult result) => string.Create(
        CultureInfo.InvariantCulture,
        $"set-up: {ByteSize.Text(result.Plan.MappedBytes)} in pages of {Quantity.PageSizeName(result.Choice.PageSize)} at most, in {result.SetUp.TotalSeconds:f3} s");

    private static IEnumerable<string> Churn(DmaResult result)
    {
        if (result.Churn is not { } churn)
        {
            yield break;
        }

        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"churn: {churn.Operations} maps and unmaps, {churn.PerSecond:f0} per second; an unmap took {churn.Unmap.P50:f0} µs (p50), {churn.Unmap.P90:f0} (p90), {churn.Unmap.P99:f0} (p99), {churn.Unmap.Max:f0} (max)");
        if (churn.Refused != Errno.OK)
        {
            yield return $"churn: ended early by -{churn.Refused}";
        }

        yield return result.Stale > 0 ? $"{result.Stale} freed pages were reached by a device"
            : churn.Unmap.Count == 0 ? "nothing was unmapped in that time, so nothing could be stale"
            : "no stale translation was seen";
    }

    private static IEnumerable<string> Remarks(DeviceResult device)
    {
        if (device.Report.State == DmaRunState.Lost && device.Refused == Errno.OK)
        {
            yield return $"{device.Device}: lost with its silo or its page table; at least so much was completed";
        }

        if (device.Report.State == DmaRunState.Detached)
        {
            yield return $"{device.Device}: ended by a detach";
        }

        if (device.Report.Freed > 0)
        {
            yield return $"{device.Device}: reached {device.Report.Freed} freed pages, the first at 0x{device.Report.FirstFreed:x}";
        }

        foreach (DmaFaultCount fault in device.Unexpected)
        {
            yield return $"{device.Device}: {fault.Count} faults {fault.Fault.Word()} (reason 0x{fault.Code:x}), the first at 0x{fault.FirstIova:x}";
        }

        if (device.Expected.Length > 0)
        {
            yield return $"{device.Device}: {device.Expected.Sum(fault => fault.Count)} faults in pages that were unmapped by the churn, as they should";
        }
    }

    private static string Faults(DmaFaultCount[] faults) =>
        faults.Length == 0 ? "none" : string.Join(' ', faults.Select(fault => $"{fault.Fault.Word()}={fault.Count}"));

    private static string Whole(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Millions(double perSecond) => (perSecond / 1e6).ToString("f1", CultureInfo.InvariantCulture);

    private static string Giga(double perSecond) => (perSecond / 1e9).ToString("f2", CultureInfo.InvariantCulture);

    private static string Percent(double share) => (100 * share).ToString("f2", CultureInfo.InvariantCulture) + " %";
}
