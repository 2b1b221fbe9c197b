// What a device that runs a workload asks of a page table and of a memory, and what they answer: none of it is on the path of a translation that is cached.
namespace IoasidGrains.Uapi;

/// <summary>
/// From a Device to a PageTable, as an ATS translation request: the entries of these slots of 2 MiB. Answers <see cref="FetchedTranslations"/> and leases them;
/// EINVAL if the device has no route to the table any more.
/// </summary>
/// <param name="Incarnation">Of the device: the lease is its, and no later one's.</param>
/// <param name="Heard">The number of the last invalidation that the device has carried out; 0: none.</param>
[GenerateSerializer, Immutable]
public sealed record FetchTranslations(PageTableId Table, DeviceId Device, long Incarnation, long Heard, ulong[] Slots) : Command
{
    /// <summary>Slots in one message: a leaf of each is 4 KiB.</summary>
    public const int MaxSlots = 64;

    /// <summary>How long what was fetched may be used, counted by the device from when it asked; in nanoseconds.</summary>
    public const long Lease = 2_000_000_000;

    /// <summary>What the table waits at most for a device that does not answer, counted from its grant: clocks run differently by less than a twentieth.</summary>
    public const long LeaseAndDrift = Lease + (Lease / 20);
}

/// <summary>
/// From a Device to a PageTable: may all that it has fetched be used for another lease? Answers <see cref="TranslationsKept"/>; EINVAL as for
/// <see cref="FetchTranslations"/>, which has the parameters.
/// </summary>
[GenerateSerializer, Immutable]
public sealed record KeepTranslations(PageTableId Table, DeviceId Device, long Incarnation, long Heard) : Command;

/// <summary>
/// From an Ioasid to a PageTable: answered when what these devices fetched before cannot be used any more. For those that were lost, or do not answer, and
/// cannot be told.
/// </summary>
[GenerateSerializer, Immutable]
public sealed record OutwaitLeases(PageTableId Table, DeviceId[] Devices) : Command;

/// <summary>From an fd to a PageTable before it commits: is there memory for so many more tables of 4 KiB? ENOMEM if not; else they are kept for it.</summary>
/// <param name="Filled">The table must hold what the fd has mapped already, or it cannot tell: else it answers NotDriven.</param>
[GenerateSerializer, Immutable]
public sealed record ReserveTables(PageTableId Table, long Tables, bool Filled) : Command;

/// <summary>From a Device to a GuestMemory: which of these pages has their owner freed? Answers <see cref="FreedPagesFound"/>.</summary>
/// <param name="Offsets">In the memory.</param>
[GenerateSerializer, Immutable]
public sealed record FindFreedPages(GuestMemoryId Memory, ulong[] Offsets) : Command;

/// <summary>To the device: raw entries, one per slot, and the leaf tables of those that point to one, 512 entries each, in the same order.</summary>
/// <param name="AddressWidth">Of the table, in bits: past it every access faults for that reason.</param>
/// <param name="Memories">What the bits above a user address in a physical address mean.</param>
[GenerateSerializer, Immutable]
public sealed record FetchedTranslations(ulong[] Entries, ulong[] Leaves, int AddressWidth, GuestMemoryId[] Memories) : Outputs
{
    /// <inheritdoc cref="TranslationsKept"/>
    [Id(0)]
    public long Lease { get; init; } = FetchTranslations.Lease;

    public override string Text => $"slots={Entries.Length}";
}

/// <summary>To the device.</summary>
/// <param name="Lease">
/// How long all that it has fetched may be used, in nanoseconds from when it asked; 0: no longer than it knows, because there is an invalidation that it
/// has not carried out.
/// </param>
[GenerateSerializer, Immutable]
public sealed record TranslationsKept(long Lease) : Outputs
{
    public override string Text => $"lease={Lease}";
}

/// <summary>To the Ioasid: which incarnation of the device has done what it was told.</summary>
[GenerateSerializer, Immutable]
public sealed record DeviceIncarnation(long Number) : Outputs
{
    public override string Text => $"incarnation={Number}";
}

/// <summary>To the device.</summary>
/// <param name="Count">How many of the pages are freed.</param>
/// <param name="First">Index of the first one; -1 without.</param>
[GenerateSerializer, Immutable]
public sealed record FreedPagesFound(int Count, int First) : Outputs
{
    public override string Text => $"freed={Count}";
}
