// Rows of the DMA faults: which fault a walk reports, and which first (domain 6.3; cases 167 to 178).
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

/// <summary>What holds of every table; the classes at the end say for which, and which entries it has.</summary>
public abstract class PageTableFaultTests
{
    private const ulong Iova = (3UL << 30) | (5UL << 21) | (7UL << 12);
    private const ulong Physical = 0x12_3456_7000;
    private const ulong Writable = 1UL << 1, PageSize = 1UL << 7, Snp = 1UL << 11, TransientMapping = 1UL << 62;

    /// <summary>One 4 KiB leaf at <see cref="Iova"/>; what to set and clear in the entry of one level; who walks; what it reports.</summary>
    public static TheoryData<string, DmaAccess, int, ulong, ulong, DmaAccess, bool, DmaFault> FourKibWalks => new()
    {
        // case                        leaf                  level set              clear     need                  SC     fault
        { "plain read",                DmaAccess.ReadWrite,  1, 0,                  0,        DmaAccess.Read,       true,  DmaFault.None },
        { "167: read-only leaf",       DmaAccess.Read,       1, 0,                  0,        DmaAccess.Write,      true,  DmaFault.NoWrite },
        { "write-only leaf",           DmaAccess.Write,      1, 0,                  0,        DmaAccess.Read,       true,  DmaFault.NoRead },
        { "read-only, both asked",     DmaAccess.Read,       1, 0,                  0,        DmaAccess.ReadWrite,  true,  DmaFault.NoWrite },
        { "write-only, both asked",    DmaAccess.Write,      1, 0,                  0,        DmaAccess.ReadWrite,  true,  DmaFault.NoRead },
        { "hole, both asked",          DmaAccess.ReadWrite,  1, 0,                  3,        DmaAccess.ReadWrite,  true,  DmaFault.NoWrite },
        { "hole, read",                DmaAccess.ReadWrite,  1, 0,                  3,        DmaAccess.Read,       true,  DmaFault.NoRead },
        { "hole one level up",         DmaAccess.ReadWrite,  2, 0,                  3,        DmaAccess.Write,      true,  DmaFault.NoWrite },
        { "170: SNP without SC",       DmaAccess.ReadWrite,  1, Snp,                0,        DmaAccess.Read,       false, DmaFault.ReservedBits },
        { "SNP with SC",               DmaAccess.ReadWrite,  1, Snp,                0,        DmaAccess.Read,       true,  DmaFault.None },
        { "171: SNP, no permission",   DmaAccess.Read,       1, Snp,                0,        DmaAccess.Write,      false, DmaFault.NoWrite },
        { "171: SNP, hole",            DmaAccess.ReadWrite,  1, Snp,                3,        DmaAccess.Read,       false, DmaFault.NoRead },
        { "SNP in a level 2 pointer",  DmaAccess.ReadWrite,  2, Snp,                0,        DmaAccess.Read,       true,  DmaFault.ReservedBits },
        { "SNP in a level 3 pointer",  DmaAccess.ReadWrite,  3, Snp,                0,        DmaAccess.Read,       true,  DmaFault.ReservedBits },
        { "SNP in a level 4 pointer",  DmaAccess.ReadWrite,  4, Snp,                0,        DmaAccess.Read,       true,  DmaFault.ReservedBits },
        { "173: PS at level 4",        DmaAccess.ReadWrite,  4, PageSize,           0,        DmaAccess.Read,       true,  DmaFault.ReservedBits },
        { "PS at level 5",             DmaAccess.ReadWrite,  5, PageSize,           0,        DmaAccess.Read,       true,  DmaFault.ReservedBits },
        { "PS at level 1 is ignored",  DmaAccess.ReadWrite,  1, PageSize,           0,        DmaAccess.Read,       true,  DmaFault.None },
        { "178: upper level R only",   DmaAccess.ReadWrite,  4, 0,                  Writable, DmaAccess.Write,      true,  DmaFault.NoWrite },
        { "upper level R only, read",  DmaAccess.ReadWrite,  4, 0,                  Writable, DmaAccess.Read,       true,  DmaFault.None },
        { "upper R only, PS as well",  DmaAccess.ReadWrite,  4, PageSize,           Writable, DmaAccess.Write,      true,  DmaFault.NoWrite },
        { "upper PS, leaf read-only",  DmaAccess.Read,       4, PageSize,           0,        DmaAccess.Write,      true,  DmaFault.ReservedBits },
        { "TM in a leaf",              DmaAccess.ReadWrite,  1, TransientMapping,   0,        DmaAccess.Read,       true,  DmaFault.ReservedBits },
        { "TM in a pointer",           DmaAccess.ReadWrite,  3, TransientMapping,   0,        DmaAccess.Read,       true,  DmaFault.ReservedBits },
        { "software bits in a leaf",   DmaAccess.ReadWrite,  1, 0xBFF0_0000_0000_0400, 0,     DmaAccess.Read,       true,  DmaFault.None },
        { "software bits in a pointer", DmaAccess.ReadWrite, 4, 0xBFF0_0000_0000_0400, 0,     DmaAccess.Read,       true,  DmaFault.None },
    };

    [Theory]
    [MemberData(nameof(FourKibWalks))]
    public void Walk_OfAFourKibLeaf_ReportsTheFirstFaultFromTheTop(
        string name, DmaAccess leaf, int level, ulong set, ulong clear, DmaAccess need, bool snoopControl, DmaFault expected)
    {
        using IIoPageTable table = Create(57, false, IommuCapabilities.AllPageSizes);
        Assert.Equal(Errno.OK, table.Map(new IovaRange(Iova, Iova + 0xFFF), Physical, leaf));
        if (level > PlantableLevels)
        {
            return;
        }

        ref ulong entry = ref RawEntry(table, Iova, level);
        entry = (entry | set) & ~clear;

        Translation translation = table.Translate(Iova + 0x123, need, snoopControl);

        Assert.True(expected == translation.Fault, $"{name}: {translation}");
        Assert.Equal(expected == DmaFault.None ? Physical + 0x123 : 0, translation.Physical);
    }

    public static TheoryData<int, int, bool, bool> ReservedAddressBits => new()
    {
        // page level, bit, SC, reserved
        { 2, 12, true, true },
        { 2, 20, true, true },
        { 2, 21, true, false },
        { 3, 12, true, true },
        { 3, 21, true, true },
        { 3, 29, true, true },
        { 3, 30, true, false },
        { 2, 11, true, false },
        { 2, 11, false, true },
        { 3, 11, true, false },
        { 3, 11, false, true },
    };

    /// <summary>Case 172 and its neighbours.</summary>
    [Theory]
    [MemberData(nameof(ReservedAddressBits))]
    public void Walk_OfALargeLeafWithLowAddressBits_ReportsReservedBits(int level, int bit, bool snoopControl, bool reserved)
    {
        ulong size = IoPte.Bytes(level);
        using IIoPageTable table = Create(48, false, IommuCapabilities.AllPageSizes);
        Assert.Equal(Errno.OK, table.Map(new IovaRange(size, (2 * size) - 1), 8UL << 30, DmaAccess.ReadWrite));
        if (level > PlantableLevels)
        {
            return;
        }

        RawEntry(table, size, level) |= 1UL << bit;

        Assert.Equal(reserved ? DmaFault.ReservedBits : DmaFault.None, table.Translate(size, DmaAccess.Read, snoopControl).Fault);
    }

    [Theory]
    [InlineData(39)]
    [InlineData(48)]
    [InlineData(57)]
    public void Walk_BeyondTheWidth_ReportsThatBeforeTheHole(int width)
    {
        using IIoPageTable table = Create(width, false, IommuCapabilities.AllPageSizes);

        Assert.Equal(DmaFault.BeyondWidth, table.Translate(1UL << width, DmaAccess.Write, true).Fault);
        Assert.Equal(DmaFault.BeyondWidth, table.Translate(ulong.MaxValue, DmaAccess.Read, true).Fault);
        Assert.Equal(DmaFault.NoWrite, table.Translate((1UL << width) - 1, DmaAccess.Write, true).Fault);
        Assert.Equal(DmaFault.NoRead, table.Translate(0, DmaAccess.Read, true).Fault);
    }

    /// <summary>Cases 175 to 177: SNP or not, the device asks for no-snoop or not.</summary>
    [Theory]
    [InlineData(true, true, true)]
    [InlineData(true, false, true)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    public void Access_GoesPastTheCaches_OnlyWithNoSnoopOnALeafWithoutSnp(bool enforceSnoop, bool noSnoop, bool snooped)
    {
        using IIoPageTable table = Create(48, enforceSnoop, IommuCapabilities.AllPageSizes);
        table.Map(new IovaRange(Iova, Iova + 0xFFF), Physical, DmaAccess.Read);

        Translation translation = table.Translate(Iova, DmaAccess.Read, true);

        Assert.Equal(new Translation(DmaFault.None, Physical, DmaAccess.Read, enforceSnoop), translation);
        Assert.Equal(snooped, translation.Snooped(noSnoop));
    }

    [Fact]
    public void Walk_GrantsWhatAllLevelsPermit()
    {
        using IIoPageTable table = Create(48, false, IommuCapabilities.AllPageSizes);
        table.Map(new IovaRange(Iova, Iova + 0xFFF), Physical, DmaAccess.ReadWrite);
        RawEntry(table, Iova, 2) &= ~Writable;

        Assert.Equal(DmaAccess.Read, table.Translate(Iova, DmaAccess.Read, true).Access);
    }

    [Fact]
    public void Walk_ThatNeedsNothing_IsABugOfTheCaller() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Create(48, false, Quantity.PageSize).Translate(0, DmaAccess.None, true));

    /// <summary>The highest level that has entries of its own to plant something in; rows above it say nothing about this table.</summary>
    protected abstract int PlantableLevels { get; }

    protected abstract IIoPageTable Create(int width, bool enforceSnoop, ulong pageSizes);

    protected abstract ref ulong RawEntry(IIoPageTable table, ulong iova, int level);
}

public sealed class DensePageTableFaultTests : PageTableFaultTests
{
    protected override int PlantableLevels => 2;

    protected override IIoPageTable Create(int width, bool enforceSnoop, ulong pageSizes) => new DensePageTable(width, enforceSnoop, pageSizes);

    protected override ref ulong RawEntry(IIoPageTable table, ulong iova, int level) => ref ((DensePageTable)table).RawEntry(iova, level);
}

public sealed class RadixPageTableFaultTests : PageTableFaultTests
{
    protected override int PlantableLevels => 5;

    protected override IIoPageTable Create(int width, bool enforceSnoop, ulong pageSizes) => new RadixPageTable(width, enforceSnoop, pageSizes);

    protected override ref ulong RawEntry(IIoPageTable table, ulong iova, int level) => ref ((RadixPageTable)table).RawEntry(iova, level);
}
