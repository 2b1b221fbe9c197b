// One 64-bit entry of an I/O page table, bit for bit as VT-d reads it; used by page tables, and by whoever looks at leaves.
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

/// <summary>An entry of a second-stage table at any level (VT-d specification 9.8; Linux <c>vtdss.h</c>).</summary>
/// <remarks>
/// <code>
///  63 62 61     52 51                        12 11  10 9 8  7  6   2  1 0
/// ┌──┬──┬─────────┬────────────────────────────┬───┬─────────┬──┬─────┬─┬─┐
/// │ i│TM│ ignored │ address of page or table   │SNP│ ignored │PS│ ign │W│R│
/// └──┴──┴─────────┴────────────────────────────┴───┴─────────┴──┴─────┴─┴─┘
/// R, W  permission, ANDed along the walk; there is no present bit: R = W = 0 is "not present"
/// PS    this entry is a large leaf: 2 MiB at level 2, 1 GiB at level 3; reserved at levels 4 and 5, ignored at level 1
/// SNP   leaf only: the unit snoops whatever the device asks for; reserved where it has no Snoop Control, and in every table pointer
/// 52    ours: see GiantMemberBit
/// TM    transient mapping; reserved, as no unit here hands it to a device's cache
/// </code>
/// Address bits below the size of a large leaf are reserved. Of the ignored bits only 52 is written, and it means nothing to a walk.
/// </remarks>
public readonly record struct IoPte(ulong Value)
{
    internal const ulong LargePageBit = 1UL << 7;
    internal const ulong SnoopBit = 1UL << 11;
    internal const ulong TransientMappingBit = 1UL << 62;
    internal const ulong AddressMask = (1UL << 52) - Quantity.PageSize;

    /// <summary>Software bit: this 2 MiB entry is one of the 512 that together are a page of 1 GiB.</summary>
    internal const ulong GiantMemberBit = 1UL << 52;

    /// <summary>The highest level that can hold a leaf: 3, a page of 1 GiB.</summary>
    public const int HighestLeafLevel = 3;

    /// <summary>Entries of any table of 4 KiB.</summary>
    public const int EntriesPerTable = 512;

    /// <summary>The first physical address that does not fit into an entry.</summary>
    public const ulong PhysicalEnd = 1UL << 52;

    /// <summary>Bytes that one entry of this level covers: 4 KiB at level 1, times 512 for each level up.</summary>
    public static ulong Bytes(int level) => Quantity.PageSize << (9 * (level - 1));

    /// <summary>A page of <see cref="Bytes"/>(level), to which <paramref name="physical"/> must be aligned.</summary>
    public static IoPte Leaf(ulong physical, DmaAccess access, bool snp, int level) =>
        new(physical | (ulong)access | (level > 1 ? LargePageBit : 0) | (snp ? SnoopBit : 0));

    /// <summary>A pointer to the table one level down; it permits everything, as Linux writes it, and leaves refusing to the leaf.</summary>
    public static IoPte Table(ulong physical) => new(physical | (ulong)DmaAccess.ReadWrite);

    /// <summary>Bits R and W, which are numbered as <see cref="DmaAccess"/> is.</summary>
    public DmaAccess Access => (DmaAccess)Value & DmaAccess.ReadWrite;

    /// <summary>Of the page, or of the next table.</summary>
    public ulong Address => Value & AddressMask;

    public bool Snp => (Value & SnoopBit) != 0;

    internal bool IsGiantMember => (Value & GiantMemberBit) != 0;

    public bool IsLeaf(int level) => level == 1 || (level <= HighestLeafLevel && (Value & LargePageBit) != 0);

    /// <summary>True if a bit is set that this unit wants to be 0 in an entry of this level (the walk's reason 0xC).</summary>
    public bool HasReservedBits(int level, bool unitEnforcesSnoop)
    {
        bool leaf = IsLeaf(level);
        ulong reserved = TransientMappingBit
            | (level > HighestLeafLevel ? LargePageBit : 0)
            | (leaf && unitEnforcesSnoop ? 0 : SnoopBit)
            | (leaf ? AddressMask & (Bytes(level) - 1) : 0);
        return (Value & reserved) != 0;
    }

    /// <summary>The first fault that this entry alone causes: a missing permission, then reserved bits (domain 6.3, 4).</summary>
    internal DmaFault FaultOf(int level, DmaAccess need, bool unitEnforcesSnoop) => (need & ~Access) switch
    {
        DmaAccess.None => HasReservedBits(level, unitEnforcesSnoop) ? DmaFault.ReservedBits : DmaFault.None,
        DmaAccess.Read => DmaFault.NoRead,
        _ => DmaFault.NoWrite,
    };

    public override string ToString() => $"0x{Value:x16}";
}
