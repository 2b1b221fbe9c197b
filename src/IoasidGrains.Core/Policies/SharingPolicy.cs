// What a sharing policy is asked, and what it answers; every policy is a pure function in a file of its own beside this one.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>One table of the IOASID, and who uses it.</summary>
public sealed record TableUse(TableSpec Spec, BoundDevice[] Devices)
{
    public bool EnforceSnoop => Spec.EnforceSnoop;

    /// <summary>The device's unit can walk it.</summary>
    public bool Fits(BoundDevice device) => (Spec.PageSizes & ~device.Unit.PageSizes) == 0;

    /// <summary>The unit takes the table's format: SNP is a reserved bit where it cannot enforce.</summary>
    public bool Accepts(BoundDevice device) => Fits(device) && (!EnforceSnoop || device.Unit.EnforceSnoop);
}

/// <summary>A device that is about to join an IOASID.</summary>
/// <param name="Device">Bound, attached nowhere.</param>
/// <param name="Flag">The flag of ATTACH; null if none of its values was given.</param>
/// <param name="Ioasid">What the user allocated and mapped.</param>
/// <param name="Tables">Its tables, by index.</param>
/// <param name="HostEnforces">Every IOMMU unit of the host can enforce snooping.</param>
public sealed record Joining(BoundDevice Device, SnoopFormat? Flag, IoasidEntry Ioasid, TableUse[] Tables, bool HostEnforces)
{
    public bool CanEnforce => Device.Unit.EnforceSnoop;

    /// <summary>The one table of a policy that keeps one; null before the first device.</summary>
    public TableUse? Only => Tables.Length == 0 ? null : Tables[0];

    /// <summary>The lowest free index.</summary>
    public int FreeIndex => Enumerable.Range(0, Tables.Length + 1).First(index => !Array.Exists(Tables, table => table.Spec.Index == index));
}

/// <summary>What stays behind when a device has left a table.</summary>
/// <param name="Table">With the devices that stay.</param>
public sealed record Leaving(BoundDevice Device, IoasidEntry Ioasid, TableUse Table);

/// <summary>Where a device goes.</summary>
/// <param name="Errno">OK, or why it is refused.</param>
/// <param name="Table">Index of a table that is there, or of one that is to be made.</param>
/// <param name="EnforceSnoop">That table's format from then on.</param>
/// <param name="ForcesSnoop">See <see cref="DmaRoute.ForcesSnoop"/>.</param>
/// <param name="PromisesSnoop">See <see cref="DeviceAttached.PromisesSnoop"/>.</param>
public readonly record struct Placement(Errno Errno, int Table, bool EnforceSnoop, bool ForcesSnoop = false, bool PromisesSnoop = false)
{
    public static readonly Placement Incompatible = new(Errno.EINVAL, 0, false);

    /// <summary>A table as it is.</summary>
    public static Placement Join(TableUse table) => new(Errno.OK, table.Spec.Index, table.EnforceSnoop);

    /// <summary>A table whose leaves are rewritten first.</summary>
    public static Placement Convert(TableUse table, bool enforceSnoop) => new(Errno.OK, table.Spec.Index, enforceSnoop);

    /// <summary>A table of its own.</summary>
    public static Placement New(Joining joining, bool enforceSnoop) => new(Errno.OK, joining.FreeIndex, enforceSnoop);

    /// <summary>The first table that takes the device; a new one if there is none.</summary>
    public static Placement FirstOrNew(Joining joining, Predicate<TableUse> takes, bool enforceSnoop) =>
        Array.Find(joining.Tables, takes) is { } table ? Join(table) : New(joining, enforceSnoop);
}

/// <summary>A way to share I/O page tables among devices: one of the positions of the debate.</summary>
/// <param name="Name">Short, as the file.</param>
/// <param name="Formats">Flags of ALLOC that mean something; empty: the policy decides, ALLOC's flag is ignored.</param>
/// <param name="Attach">Where a device goes.</param>
public sealed record SharingPolicy(string Name, SnoopFormat[] Formats, Func<Joining, Placement> Attach)
{
    /// <summary>A table goes with its last device; else it stays until FREE.</summary>
    public bool DropsEmptyTables { get; init; }

    /// <summary>The format of the table that a device has left.</summary>
    public Func<Leaving, bool> Detach { get; init; } = leaving => leaving.Table.EnforceSnoop;

    /// <summary>Every mapping has a format of its own.</summary>
    public bool FormatPerMapping { get; init; }

    /// <summary>MAP's refusal besides type1's own.</summary>
    public Func<IoasidEntry, BoundDevice[], Area, Errno> Map { get; init; } = (_, _, _) => Errno.OK;

    /// <summary>May a device of this fd do non-coherent DMA, as the policy sees it? What a KVM side that is told of every change hears.</summary>
    public Func<FdState, bool> IsNoncoherent { get; init; } = fd => fd.HasNoncoherentDevice;

    /// <summary>Flags of ATTACH that mean something; empty: it is ignored.</summary>
    public SnoopFormat[] AttachFlags { get; init; } = [];

    /// <summary>The user chooses the format, of the IOASID, the attach or the mapping; else the policy does.</summary>
    public bool UserChooses => Formats.Length > 0 || AttachFlags.Length > 0;
}
