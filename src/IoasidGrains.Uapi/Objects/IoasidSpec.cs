// What an IOASID was allocated as, and what one of its page tables is made as.
namespace IoasidGrains.Uapi;

/// <summary>The attributes that ALLOC fixed; for one table also its format and page sizes.</summary>
/// <param name="EnforceSnoop">Leaves of its tables carry SNP.</param>
/// <param name="AddressWidth">Bits of an IOVA in it.</param>
/// <param name="PageSizes">Bitmap of the page sizes a table may use, fixed by the first attached unit; 0 in the spec of an IOASID.</param>
[GenerateSerializer, Immutable]
public sealed record IoasidSpec(bool EnforceSnoop, int AddressWidth, ulong PageSizes)
{
    /// <summary>Its tables note which pages devices write.</summary>
    [Id(0)]
    public bool TracksDirty { get; init; }

    /// <summary>The user has not chosen a format: the policy does, table by table.</summary>
    [Id(1)]
    public bool Auto { get; init; }

    /// <summary>Every mapping has a format of its own, and no table has one.</summary>
    [Id(2)]
    public bool PerMapping { get; init; }

    public SnoopFormat Format => Auto ? SnoopFormat.Auto : EnforceSnoop ? SnoopFormat.Snoop : SnoopFormat.NoSnoop;

    /// <summary>The highest IOVA.</summary>
    public ulong LastIova => (1UL << AddressWidth) - 1;

    /// <summary>What its table is made as.</summary>
    public IoasidSpec Of(TableSpec table) => this with
    {
        EnforceSnoop = table.EnforceSnoop, AddressWidth = table.AddressWidth ?? AddressWidth, PageSizes = table.PageSizes, Auto = false,
    };

    /// <summary>Do leaves of this area carry SNP?</summary>
    public bool Enforces(Area area) => PerMapping ? area.Format == SnoopFormat.Snoop : EnforceSnoop;
}

/// <summary>One I/O page table of an IOASID; most policies need one, some keep devices of different abilities on tables of their own.</summary>
/// <param name="Index">p0, p1, ..</param>
/// <param name="EnforceSnoop">Its leaves carry SNP: an enforcing table; else a plain one.</param>
/// <param name="PageSizes">Bitmap of the page sizes it may use.</param>
[GenerateSerializer, Immutable]
public sealed record TableSpec(int Index, bool EnforceSnoop, ulong PageSizes)
{
    /// <summary>Bits of an IOVA in it, if not those of its IOASID: an address space of a process has tables of several widths.</summary>
    [Id(0)]
    public int? AddressWidth { get; init; }
}
