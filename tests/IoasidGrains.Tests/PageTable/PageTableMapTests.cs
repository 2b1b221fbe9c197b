// Rows of Map and Unmap: refusals and their order, page sizes, what a refusal leaves, what an unmap frees.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

/// <summary>What holds of every table; the classes at the end say for which.</summary>
public abstract class PageTableMapTests
{
    private const ulong K = 1UL << 10, M = 1UL << 20, G = 1UL << 30;
    private const ulong All = IommuCapabilities.AllPageSizes;
    private const DmaAccess ReadWrite = DmaAccess.ReadWrite;

    public static TheoryData<string, int, ulong, ulong, ulong, DmaAccess, Errno> Maps => new()
    {
        // rule                            width start             last                 physical        access          errno; 4K at 1G and 2M at 3G are mapped
        { "start unaligned",               48,   0x800,            0x1FFF,              0,              ReadWrite,      Errno.EINVAL },
        { "end unaligned",                 48,   0,                0x17FF,              0,              ReadWrite,      Errno.EINVAL },
        { "physical unaligned",            48,   0,                0xFFF,               0x10,           ReadWrite,      Errno.EINVAL },
        { "no access",                     48,   0,                0xFFF,               0,              DmaAccess.None, Errno.EINVAL },
        { "unknown access",                48,   0,                0xFFF,               0,              (DmaAccess)5,   Errno.EINVAL },
        { "last before start",             48,   0x2000,           0xFFF,               0,              ReadWrite,      Errno.EINVAL },
        { "unaligned and past the width",  48,   1UL << 48,        (1UL << 48) + 0x7FF, 0,              ReadWrite,      Errno.EINVAL },
        { "unaligned and overlapping",     48,   G,                G + 0x7FF,           0,              ReadWrite,      Errno.EINVAL },
        { "first page past 39 bits",       39,   1UL << 39,        (1UL << 39) + 0xFFF, 0,              ReadWrite,      Errno.EFAULT },
        { "first page past 48 bits",       48,   1UL << 48,        (1UL << 48) + 0xFFF, 0,              ReadWrite,      Errno.EFAULT },
        { "first page past 57 bits",       57,   1UL << 57,        (1UL << 57) + 0xFFF, 0,              ReadWrite,      Errno.EFAULT },
        { "across the width",              39,   (1UL << 39) - 4096, (1UL << 39) + 0xFFF, 0,            ReadWrite,      Errno.EFAULT },
        { "the whole 2^64",                57,   0,                ulong.MaxValue,      0,              ReadWrite,      Errno.EFAULT },
        { "overlapping and past the width", 39,  G,                (1UL << 39) + 0xFFF, 0,              ReadWrite,      Errno.EFAULT },
        { "physical past 52 bits",         48,   0,                0x1FFF,              (1UL << 52) - 4096, ReadWrite,  Errno.EFAULT },
        { "last physical page",            48,   0,                0xFFF,               (1UL << 52) - 4096, ReadWrite,  Errno.OK },
        { "last page of 39 bits",          39,   (1UL << 39) - 4096, (1UL << 39) - 1,   0,              ReadWrite,      Errno.OK },
        { "last page of 48 bits",          48,   (1UL << 48) - 4096, (1UL << 48) - 1,   0,              ReadWrite,      Errno.OK },
        { "last page of 57 bits",          57,   (1UL << 57) - 4096, (1UL << 57) - 1,   0,              ReadWrite,      Errno.OK },
        { "the same page again",           48,   G,                G + 0xFFF,           0,              ReadWrite,      Errno.EEXIST },
        { "large page over it",            48,   0,                (2 * G) - 1,         0,              ReadWrite,      Errno.EEXIST },
        { "last page overlaps",            48,   G - (2 * M),      G + 0xFFF,           0x1000,         DmaAccess.Read, Errno.EEXIST },
        { "inside a large page",           48,   3 * G + M,        3 * G + M + 0xFFF,   0,              ReadWrite,      Errno.EEXIST },
        { "the same large page",           48,   3 * G,            3 * G + 2 * M - 1,   0,              ReadWrite,      Errno.EEXIST },
        { "up to it",                      48,   0,                G - 1,               0,              DmaAccess.Read, Errno.OK },
        { "right behind it",               48,   G + 0x1000,       G + 0x2FFF,          0,              DmaAccess.Write, Errno.OK },
    };

    [Theory]
    [MemberData(nameof(Maps))]
    public void Map_Refused_LeavesEverythingAsItWas(
        string rule, int width, ulong start, ulong last, ulong physical, DmaAccess access, Errno expected)
    {
        using IIoPageTable table = Create(width, false, All);
        table.Map(new IovaRange(G, G + 0xFFF), 0x5000, ReadWrite);
        table.Map(new IovaRange(3 * G, 3 * G + 2 * M - 1), 0, ReadWrite);
        var before = (string.Join(' ', table.Leaves()), table.LeafCount, table.EntriesWritten, table.Tables);

        Errno errno = table.Map(new IovaRange(start, last), physical, access);

        Assert.True(expected == errno, $"{rule}: {errno}");
        var after = (string.Join(' ', table.Leaves()), table.LeafCount, table.EntriesWritten, table.Tables);
        Assert.True(expected == Errno.OK ? after.EntriesWritten > before.EntriesWritten : after == before, $"{rule}: {before} became {after}");
    }

    public static TheoryData<ulong, ulong, ulong, ulong, string> PageChoices => new()
    {
        // sizes             start        length                physical   pages in order
        { 4 * K,             0,           16 * K,               0,         "4x4K" },
        { All,               0,           2 * M,                0,         "1x2M" },
        { All,               0,           (2 * M) + (4 * K),    0,         "1x2M 1x4K" },
        { All,               4 * K,       2 * M,                4 * K,     "512x4K" },
        { All,               2 * M - 4096, (2 * M) + (8 * K),   2 * M - 4096, "1x4K 1x2M 1x4K" },
        { All,               0,           2 * M,                4 * K,     "512x4K" },
        { All,               0,           4 * M,                6 * M,     "2x2M" },
        { All,               0,           G,                    G,         "1x1G" },
        { All,               0,           G,                    2 * M,     "512x2M" },
        { All,               G - (2 * M), G + (2 * M) + 4096,   3 * G - (2 * M), "1x2M 1x1G 1x4K" },
        { All,               511 * G,     2 * G,                0,         "2x1G" },
        { 4 * K | 2 * M,     0,           G,                    G,         "512x2M" },
        { 4 * K | G,         0,           G,                    G,         "1x1G" },
        { 4 * K | G,         0,           2 * M,                0,         "512x4K" },
        { All | (512 * G),   512 * G,     512 * G,              0,         "512x1G" },
    };

    [Theory]
    [MemberData(nameof(PageChoices))]
    public void Map_PicksTheLargestPages_ThatAlignmentRangeAndUnitAllow(ulong sizes, ulong start, ulong length, ulong physical, string pages)
    {
        using IIoPageTable table = Create(48, true, sizes);

        Assert.Equal(Errno.OK, table.Map(new IovaRange(start, start + length - 1), physical, DmaAccess.Read));

        Assert.Equal(pages, Runs(table));
        Assert.All(table.Leaves(), leaf =>
        {
            Assert.Equal(leaf.Iova - start + physical, leaf.Pte.Address);
            Assert.Equal(DmaAccess.Read, leaf.Pte.Access);
            Assert.True(leaf.Pte.Snp);
        });
        Assert.Equal(table.Leaves().Count(), table.LeafCount);
    }

    [Theory]
    [InlineData(1, 0x0000_0012_3456_7001UL)]
    [InlineData(2, 0x0000_0012_3460_0081UL)]
    [InlineData(3, 0x0000_0012_4000_0081UL)]
    public void Leaf_HasTheBitsOfVtd(int level, ulong value)
    {
        ulong physical = value & ~0xFFFUL;
        Assert.Equal(value, IoPte.Leaf(physical, DmaAccess.Read, false, level).Value);
        Assert.Equal(value | 0x802, IoPte.Leaf(physical, ReadWrite, true, level).Value);
    }

    public static TheoryData<string, ulong, ulong, Errno, string> Unmaps => new()
    {
        // rule                            start            length      errno           what is left of 1G at 4G, 2M at 6G, 4K right behind that
        { "180: 4K inside 2M",             6 * G + 64 * K,  4 * K,      Errno.EINVAL,   "1x1G 1x2M 1x4K" },
        { "4K at the head of 2M",          6 * G,           4 * K,      Errno.EINVAL,   "1x1G 1x2M 1x4K" },
        { "tail of 2M and the 4K",         6 * G + M,       M + 4 * K,  Errno.EINVAL,   "1x1G 1x2M 1x4K" },
        { "2M inside 1G",                  4 * G + 2 * M,   2 * M,      Errno.EINVAL,   "1x1G 1x2M 1x4K" },
        { "1G whole, 2M cut",              4 * G,           2 * G + M,  Errno.EINVAL,   "1x1G 1x2M 1x4K" },
        { "hole, 1G cut",                  0,               4 * G + M,  Errno.EINVAL,   "1x1G 1x2M 1x4K" },
        { "unaligned",                     6 * G,           2 * M + 5,  Errno.EINVAL,   "1x1G 1x2M 1x4K" },
        { "past the width",                6 * G,           1UL << 48,  Errno.EFAULT,   "1x1G 1x2M 1x4K" },
        { "hole only",                     0,               4 * G,      Errno.OK,       "1x1G 1x2M 1x4K" },
        { "2M exactly",                    6 * G,           2 * M,      Errno.OK,       "1x1G 1x4K" },
        { "2M with holes around",          5 * G,           G + 2 * M,  Errno.OK,       "1x1G 1x4K" },
        { "1G exactly",                    4 * G,           G,          Errno.OK,       "1x2M 1x4K" },
        { "everything",                    0,               1UL << 48,  Errno.OK,       "" },
    };

    [Theory]
    [MemberData(nameof(Unmaps))]
    public void Unmap_ThatWouldCutAPage_RemovesNothing(string rule, ulong start, ulong length, Errno expected, string left)
    {
        using IIoPageTable table = Create(48, false, All);
        table.Map(new IovaRange(4 * G, 5 * G - 1), 0, ReadWrite);
        table.Map(new IovaRange(6 * G, 6 * G + 2 * M + 4 * K - 1), 0, ReadWrite);

        Errno errno = table.Unmap(new IovaRange(start, start + length - 1));

        Assert.True(expected == errno, $"{rule}: {errno}");
        Assert.Equal(left, Runs(table));
    }

    [Theory]
    [InlineData(39)]
    [InlineData(48)]
    [InlineData(57)]
    public void Unmap_FreesTheTablesThatItEmpties(int width)
    {
        using IIoPageTable table = Create(width, false, All);
        var low = new IovaRange(0, 0xFFF);
        var high = new IovaRange((1UL << width) - 4096, (1UL << width) - 1);
        Assert.Equal(0, table.Tables);

        table.Map(low, 0, ReadWrite);
        Assert.Equal(1, table.Tables);
        table.Map(high, 0, ReadWrite);
        Assert.Equal(2, table.Tables);
        table.Unmap(low);
        Assert.Equal(1, table.Tables);
        Assert.Equal(DmaFault.None, table.Translate(high.Start, DmaAccess.Write, true).Fault);
        table.Unmap(high);
        Assert.Equal((0, 0L), (table.Tables, table.LeafCount));
        Assert.Empty(table.Leaves());
    }

    [Fact]
    public void Map_OfALargePageWhereATableWas_Succeeds()
    {
        using IIoPageTable table = Create(48, false, All);
        table.Map(new IovaRange(G + M, G + M + 0xFFF), 0, ReadWrite);
        table.Unmap(new IovaRange(G, 2 * G - 1));

        Assert.Equal(Errno.OK, table.Map(new IovaRange(G, 2 * G - 1), 0, ReadWrite));
        Assert.Equal("1x1G", Runs(table));
    }

    [Theory]
    [InlineData(47, All)]
    [InlineData(64, All)]
    [InlineData(48, 2UL << 20)]
    public void Table_OfAnUnknownGeometry_IsABugOfTheCaller(int width, ulong sizes) =>
        Assert.Throws<ArgumentException>(() => Create(width, false, sizes));

    protected abstract IIoPageTable Create(int width, bool enforceSnoop, ulong pageSizes);

    /// <summary>Leaves as runs of one size: <c>1x2M 3x4K</c>.</summary>
    private static string Runs(IIoPageTable table)
    {
        var runs = new List<(ulong Size, int Count)>();
        foreach (var leaf in table.Leaves())
        {
            if (runs.Count > 0 && runs[^1].Size == leaf.Size)
            {
                runs[^1] = (leaf.Size, runs[^1].Count + 1);
            }
            else
            {
                runs.Add((leaf.Size, 1));
            }
        }

        return string.Join(' ', runs.Select(run => $"{run.Count}x{Quantity.PageSizeName(run.Size)}"));
    }
}

public sealed class DensePageTableMapTests : PageTableMapTests
{
    protected override IIoPageTable Create(int width, bool enforceSnoop, ulong pageSizes) => new DensePageTable(width, enforceSnoop, pageSizes);
}

public sealed class RadixPageTableMapTests : PageTableMapTests
{
    protected override IIoPageTable Create(int width, bool enforceSnoop, ulong pageSizes) => new RadixPageTable(width, enforceSnoop, pageSizes);
}
