// What the user asks of `ioasid dma`; read by WorkloadOptions.
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>One invocation of the verb, everything in it valid.</summary>
/// <param name="Workload">Its word: nic, nvme, virtio, random or trace.</param>
/// <param name="PageSize">The largest page of the unit, in bytes.</param>
/// <param name="Size">Of what is mapped under the workloads, in bytes; of a trace the recording says it.</param>
/// <param name="Accesses">Per device; null to go on for <paramref name="Time"/>.</param>
/// <param name="Depth">0 for the workload's own.</param>
/// <param name="Trace">What to replay; null unless the workload is trace.</param>
/// <param name="Churn">Maps and unmaps per second beside the runs, 0 for as many as there can be; null for none.</param>
internal sealed record DmaChoice(
    string Workload, ulong PageSize, ulong Size, int Devices, long? Accesses, TimeSpan Time, int Depth, ulong Seed, DmaTrace? Trace, double? Churn, bool Json)
{
    /// <summary>The devices are kept away from the page table, and use their caches.</summary>
    public bool Apart { get; init; }

    public const string TraceWord = "trace";

    public static readonly IReadOnlyDictionary<string, DmaPattern> Patterns = new Dictionary<string, DmaPattern>
    {
        ["nic"] = DmaPattern.NicRing,
        ["nvme"] = DmaPattern.NvmeRandom,
        ["virtio"] = DmaPattern.VirtioHugePages,
        ["random"] = DmaPattern.UniformRandom,
        [TraceWord] = DmaPattern.Trace,
    };

    public DmaPattern Pattern => Patterns[Workload];
}
