// The result of `ioasid dma --json`: one object per device, one for all.
using System.Text.Json.Nodes;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>Lines of JSON with fixed fields; rates per second.</summary>
internal static class DmaJson
{
    public static IEnumerable<string> Lines(DmaResult result) => [.. result.Devices.Select(Device), Total(result)];

    private static string Device(DeviceResult device) => new JsonObject
    {
        ["device"] = device.Device.ToString(),
        ["state"] = DmaTable.State(device),
        ["accesses"] = device.Report.Accesses,
        ["translations"] = device.Report.Translations,
        ["bytes"] = device.Report.Bytes,
        ["seconds"] = Round(device.Seconds),
        ["translations_per_second"] = Round(device.TranslationsPerSecond),
        ["bytes_per_second"] = Round(device.BytesPerSecond),
        ["path"] = device.Path,
        ["cache_lookups"] = device.Report.CacheLookups,
        ["cache_hits"] = device.Report.CacheHits,
        ["cache_fills"] = device.Report.CacheFills,
        ["faults"] = Faults(device.Unexpected),
        ["faults_of_churn"] = Faults(device.Expected),
        ["freed"] = device.Report.Freed,
    }.ToJsonString();

    private static string Total(DmaResult result)
    {
        var total = new JsonObject
        {
            ["workload"] = result.Choice.Workload,
            ["pages"] = Quantity.PageSizeName(result.Choice.PageSize),
            ["mapped_bytes"] = result.Plan.MappedBytes,
            ["devices"] = result.Devices.Length,
            ["set_up_seconds"] = Round(result.SetUp.TotalSeconds),
            ["translations"] = result.Devices.Sum(device => device.Report.Translations),
            ["translations_per_second"] = Round(result.TranslationsPerSecond),
            ["bytes_per_second"] = Round(result.BytesPerSecond),
            ["sound"] = result.IsSound,
        };
        if (result.Churn is { } churn)
        {
            total["churn"] = new JsonObject
            {
                ["operations"] = churn.Operations,
                ["per_second"] = Round(churn.PerSecond),
                ["unmap_us"] = new JsonObject { ["p50"] = Round(churn.Unmap.P50), ["p90"] = Round(churn.Unmap.P90), ["p99"] = Round(churn.Unmap.P99), ["max"] = Round(churn.Unmap.Max) },
                ["stale"] = result.Stale,
                ["refused"] = churn.Refused.ToString(),
            };
        }

        return total.ToJsonString();
    }

    private static JsonArray Faults(DmaFaultCount[] faults) => new([.. faults.Select(fault => (JsonNode)new JsonObject
    {
        ["reason"] = fault.Fault.Word(),
        ["code"] = fault.Code,
        ["count"] = fault.Count,
        ["first_iova"] = $"0x{fault.FirstIova:x}",
    })]);

    private static double Round(double value) => Math.Round(value, 3);
}
