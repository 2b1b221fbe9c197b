// A table that changes its format under its mappings, mappings with formats of their own, and how many leaves a range takes.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

public sealed class TableFormatTests
{
    private const ulong K = 1UL << 10, M = 1UL << 20, G = 1UL << 30;
    private const ulong All = IommuCapabilities.AllPageSizes;

    /// <summary>Pages of all three sizes, in three blocks.</summary>
    private static readonly (IovaRange Range, ulong Physical)[] Mappings =
    [
        (new(0, 4 * K - 1), 0), (new(2 * M, 6 * M - 1), 2 * M), (new(8 * M, 8 * M + 12 * K - 1), 4 * K), (new(2 * G, 4 * G - 1), 2 * G),
        (new(513 * G - 8 * K, 513 * G + 2 * M - 1), 513 * G - 8 * K), (new(1500 * G, 1500 * G + 4 * K - 1), 0),
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void SetFormat_RewritesEveryLeaf_AndNothingElse(bool enforceSnoop)
    {
        using DensePageTable table = Mapped(!enforceSnoop);
        var before = table.Leaves().ToArray();
        long written = table.SetFormat(enforceSnoop);

        table.CheckAll();
        Assert.Equal(enforceSnoop, table.EnforceSnoop);
        Assert.Equal(before.Select(leaf => (leaf.Iova, leaf.Size, leaf.Pte.Address, leaf.Pte.Access, enforceSnoop)),
            table.Leaves().Select(leaf => (leaf.Iova, leaf.Size, leaf.Pte.Address, leaf.Pte.Access, leaf.Pte.Snp)));
        Assert.InRange(written, table.LeafCount, long.MaxValue);
        Assert.Equal(Errno.OK, table.Map(new IovaRange(7 * G, 7 * G + 4 * K - 1), 0, DmaAccess.Read));
        Assert.Equal(enforceSnoop, table.Leaves().Single(leaf => leaf.Iova == 7 * G).Pte.Snp);
    }

    /// <summary>An enforcing leaf is a reserved bit to a unit without Snoop Control, of whatever table.</summary>
    [Fact]
    public void Mapping_WithAFormatOfItsOwn_HasItsLeavesInIt()
    {
        using var table = new DensePageTable(48, enforceSnoop: false, All);
        Assert.Equal(Errno.OK, table.Map(new IovaRange(0, 4 * K - 1), 0, DmaAccess.ReadWrite, enforceSnoop: true));
        Assert.Equal(Errno.OK, table.Map(new IovaRange(4 * K, 8 * K - 1), 4 * K, DmaAccess.ReadWrite, enforceSnoop: false));

        table.CheckAll();
        Assert.Equal([true, false], table.Leaves().Select(leaf => leaf.Pte.Snp));
        Assert.Equal(DmaFault.ReservedBits, table.Translate(0, DmaAccess.Read, unitEnforcesSnoop: false).Fault);
        Assert.Equal(DmaFault.None, table.Translate(4 * K, DmaAccess.Read, unitEnforcesSnoop: false).Fault);
    }

    [Theory]
    [InlineData(All)]
    [InlineData(4 * K | 2 * M)]
    [InlineData(4 * K)]
    public void LeavesNeeded_IsWhatMapWrites(ulong pageSizes)
    {
        using var table = new DensePageTable(48, true, pageSizes);
        foreach ((IovaRange range, ulong physical) in Mappings)
        {
            long before = table.LeafCount;
            Assert.Equal(Errno.OK, table.Map(range, physical, DmaAccess.ReadWrite));
            Assert.Equal(table.LeafCount - before, DensePageTable.LeavesNeeded(range, physical, pageSizes));
        }

        Assert.Equal(0, DensePageTable.LeavesNeeded(new IovaRange(1, 2), 0, pageSizes));
    }

    private static DensePageTable Mapped(bool enforceSnoop)
    {
        var table = new DensePageTable(48, enforceSnoop, All);
        Assert.All(Mappings, mapping => Assert.Equal(Errno.OK, table.Map(mapping.Range, mapping.Physical, DmaAccess.ReadWrite)));
        return table;
    }
}
