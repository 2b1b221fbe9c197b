// What a workload has done so far; what watching, stopping and running one answers.
namespace IoasidGrains.Uapi;

/// <summary>Where a run of a workload stands.</summary>
public enum DmaRunState
{
    Running,

    /// <summary>All accesses were made; some may have faulted.</summary>
    Completed,

    /// <summary>Its user stopped it.</summary>
    Cancelled,

    /// <summary>The device was detached, or let go: no run outlives that.</summary>
    Detached,

    /// <summary>The device or its page table was lost with a silo; what was counted before is what the report says.</summary>
    Lost,
}

/// <summary>How often translations failed for one reason.</summary>
/// <param name="Code">VT-d's reason code, as the device's unit records it.</param>
/// <param name="FirstIova">The page of the first one.</param>
[GenerateSerializer, Immutable]
public readonly record struct DmaFaultCount(DmaFault Fault, int Code, long Count, ulong FirstIova);

/// <summary>Counts of one run.</summary>
/// <param name="Number">Of the run, at its device.</param>
/// <param name="Translations">Pages translated or faulted: one per page that an access touches.</param>
/// <param name="Bytes">Of the translations that did not fault.</param>
/// <param name="Freed">Pages reached that their owner had freed; only counted if the workload watches them. Anything but 0 is a hole in the isolation.</param>
/// <param name="FirstFreed">The IOVA of the first of those.</param>
/// <param name="CacheLookups">Translations looked up in the device's own cache; 0 for a device that reads a view of the table.</param>
/// <param name="CacheFills">Messages to the page table for what the cache did not have.</param>
/// <param name="Nanoseconds">Of wall clock, since the run began; 0 on a runner without a clock.</param>
[GenerateSerializer, Immutable]
public sealed record DmaReport(
    long Number, DmaRunState State, long Accesses, long Translations, long Bytes, DmaFaultCount[] Faults, long Freed, ulong FirstFreed,
    long CacheLookups, long CacheHits, long CacheFills, long Nanoseconds) : Outputs
{
    public static readonly DmaReport Nothing = new(0, DmaRunState.Lost, 0, 0, 0, [], 0, 0, 0, 0, 0, 0);

    public bool IsOver => State != DmaRunState.Running;

    public long Faulted => Faults.Sum(fault => fault.Count);

    public override string Text =>
        $"run={Number} {State.ToString().ToLowerInvariant()} accesses={Accesses} translations={Translations} bytes={Bytes} faults={Faulted}"
        + string.Concat(Faults.Select(fault => $" {fault.Fault.Word()}={fault.Count}"))
        + (CacheLookups == 0 ? "" : $" cache_hits={CacheHits}/{CacheLookups}")
        + (Freed == 0 ? "" : $" freed={Freed}");
}
