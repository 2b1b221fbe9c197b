// Drives of an Ioasid to page tables, units and devices, and calls on the DMA path.
namespace IoasidGrains.Uapi;

/// <summary>A drive to a PageTable; <paramref name="Previous"/> is the log entry driven to it before, else it answers NotDriven.</summary>
[GenerateSerializer, Immutable]
public abstract record TableDrive(Stamp Stamp, long Previous, PageTableId Table) : Drive(Stamp);

/// <summary>The whole desired state of a table: format, areas, who uses it.</summary>
/// <param name="Fresh">There was no such table before: nobody can hold translations of it.</param>
[GenerateSerializer, Immutable]
public sealed record FillTable(Stamp Stamp, PageTableId Table, IoasidSpec Spec, Area[] Areas, DeviceId[] Users, bool Fresh)
    : TableDrive(Stamp, 0, Table);

/// <summary>
/// A device may translate through the table, or may no more; that is answered when none of its accesses can be under way. The table has this format from
/// then on: if it is converted the answer is <see cref="CachedBy"/>, who may still hold entries of the other one.
/// </summary>
/// <param name="Incarnation">Of the device that has just stopped: if another one holds translations, its lease is waited for.</param>
[GenerateSerializer, Immutable]
public sealed record RouteDevice(Stamp Stamp, long Previous, PageTableId Table, DeviceId Device, bool Routed, long Incarnation, bool EnforceSnoop)
    : TableDrive(Stamp, Previous, Table);

/// <summary>Leaves for one more area.</summary>
[GenerateSerializer, Immutable]
public sealed record MapPages(Stamp Stamp, long Previous, PageTableId Table, Area Area) : TableDrive(Stamp, Previous, Table);

/// <summary>Clears the leaves of these areas; answers <see cref="CachedBy"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record UnmapPages(Stamp Stamp, long Previous, PageTableId Table, IovaRange[] Ranges) : TableDrive(Stamp, Previous, Table);

/// <summary>The table is gone.</summary>
[GenerateSerializer, Immutable]
public sealed record DropTable(Stamp Stamp, PageTableId Table) : TableDrive(Stamp, 0, Table);

/// <summary>To an IommuUnit: the context entry of a device.</summary>
[GenerateSerializer, Immutable]
public sealed record SetContext(Stamp Stamp, UnitId Unit, DeviceId Device, ContextEntry Entry) : Drive(Stamp);

/// <summary>To a Device: its route; null disables it. Answers <see cref="DeviceIncarnation"/> when no access under the old route is under way.</summary>
[GenerateSerializer, Immutable]
public sealed record SetRoute(Stamp Stamp, DeviceId Device, DmaRoute? Route) : Drive(Stamp);

/// <summary>To a Device: numbered invalidation of these ranges. Answers <see cref="DeviceIncarnation"/> when no access that used them is under way.</summary>
/// <param name="Number">The table gave it and no other invalidation has it: until the device shows it, the table prolongs none of its leases.</param>
[GenerateSerializer, Immutable]
public sealed record InvalidateTranslations(Stamp Stamp, DeviceId Device, PageTableId Table, IovaRange[] Ranges, long Number) : Drive(Stamp);

/// <summary>From a Device to a PageTable: where does this one access go? Answers <see cref="Translated"/> or <see cref="Faulted"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record Translate(
    PageTableId Table, DeviceId Device, long Incarnation, ulong Iova, int Length, DmaAccess Access, bool UnitEnforcesSnoop) : Command;

/// <summary>From a Device to a GuestMemory: one contiguous piece of an access. Answers <see cref="MemoryAccessed"/>.</summary>
/// <param name="Data">What to write; null reads.</param>
/// <param name="Snooped">False goes past the caches.</param>
[GenerateSerializer, Immutable]
public sealed record AccessMemory(GuestMemoryId Memory, ulong Offset, int Length, byte[]? Data, bool Snooped) : Command;

/// <summary>From a Kvm to its VM's memory: what wbinvd does now; the version orders these. Answers <see cref="CachesFlushed"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record SetWbinvd(GuestMemoryId Memory, long Version, WbinvdMode Mode) : Command
{
    /// <summary>A guest's wbinvd traps, so that somebody must remember which CPUs the vCPU ran on.</summary>
    [Id(0)]
    public bool WbinvdExit { get; init; } = true;

    /// <summary>All caches are written back and emptied first.</summary>
    [Id(1)]
    public bool FlushFirst { get; init; }

    /// <summary>If the mode changes the EPT is zapped.</summary>
    [Id(2)]
    public bool ZapsEpt { get; init; }
}

/// <summary>From a Kvm to its VM's memory: the vCPU is on this CPU and executes wbinvd there, or KVM skips it. Answers <see cref="CachesFlushed"/>, the same again for the same request.</summary>
/// <param name="Cpu">Null: where it ran last.</param>
[GenerateSerializer, Immutable]
public sealed record FlushCaches(GuestMemoryId Memory, RequestId Request, CpuId? Cpu, bool Executed) : Command;

/// <summary>From a Kvm to its VM's memory: what all flushes have cost. Answers <see cref="CachesFlushed"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record ReadFlushCosts(GuestMemoryId Memory) : Command;
