// Readers beside the writer of a page table, one step after the other: sections, epochs, revocation, when a freed table is used again.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

public sealed class TableReaderTests : IDisposable
{
    private const ulong M = 1UL << 20, G = 1UL << 30;
    private const DmaAccess ReadWrite = DmaAccess.ReadWrite;

    private readonly TableMemory _memory = new(64 * M);
    private readonly DensePageTable _table;

    public TableReaderTests() => _table = new DensePageTable(48, false, IommuCapabilities.AllPageSizes, _memory);

    public void Dispose()
    {
        _table.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void HasPassed_WaitsForSectionsFromBefore_AndForNoOthers()
    {
        using TableReader before = _table.AddReader(), after = _table.AddReader(), outside = _table.AddReader();
        before.TryEnter();
        long epoch = _table.Advance();
        after.TryEnter();

        Assert.False(_table.HasPassed(epoch));
        before.Leave();
        Assert.True(_table.HasPassed(epoch));
        Assert.False(_table.HasPassed(_table.Advance()));
        after.Leave();
        Assert.True(_table.HasPassed(_table.Advance()));
    }

    [Fact]
    public void HasPassed_OnceTrue_StaysTrue()
    {
        using TableReader reader = _table.AddReader();
        long epoch = _table.Advance();
        Assert.True(_table.HasPassed(epoch));

        reader.TryEnter();
        long later = _table.Advance();

        Assert.True(_table.HasPassed(epoch));
        Assert.False(_table.HasPassed(later));
        reader.Leave();
    }

    [Fact]
    public void Dispose_OfAReaderInASection_EndsIt()
    {
        TableReader reader = _table.AddReader();
        reader.TryEnter();
        long epoch = _table.Advance();
        Assert.False(_table.HasPassed(epoch));

        reader.Dispose();
        reader.Dispose();

        Assert.True(_table.HasPassed(epoch));
        Assert.Throws<ObjectDisposedException>(() => reader.TryEnter());
    }

    [Fact]
    public void Revoke_LetsNobodyIn_AndWaitsForWhoIsIn()
    {
        using TableReader inside = _table.AddReader(), late = _table.AddReader();
        _table.Map(new IovaRange(0, 0xFFF), 5 * M, ReadWrite);
        inside.TryEnter();

        _table.Revoke();
        long epoch = _table.Advance();

        Assert.False(late.TryEnter());
        Assert.Throws<InvalidOperationException>(() => late.Translate(0, DmaAccess.Read, true));
        Assert.Equal(5 * M, inside.Translate(0, DmaAccess.Read, true).Physical);
        Assert.False(_table.HasPassed(epoch));
        Assert.Throws<InvalidOperationException>(_table.Dispose);
        inside.Leave();
        Assert.False(inside.TryEnter());
        Assert.True(_table.HasPassed(epoch));
    }

    [Fact]
    public void Translate_OutsideASection_OrAfter512_Throws()
    {
        using TableReader reader = _table.AddReader();
        var many = new ulong[TableReader.MaxTranslations];

        Assert.Throws<InvalidOperationException>(() => reader.Translate(0, DmaAccess.Read, true));
        reader.TryEnter();
        Assert.Throws<InvalidOperationException>(() => reader.TryEnter());
        Assert.Equal(512, reader.Translate(many, many, DmaAccess.Read, true));
        Assert.Throws<InvalidOperationException>(() => reader.Translate(0, DmaAccess.Read, true));
        reader.Leave();
        reader.TryEnter();
        Assert.Equal(DmaFault.NoRead, reader.Translate(0, DmaAccess.Read, true).Fault);
        reader.Leave();
    }

    [Fact]
    public void TranslateRange_EndsWithTheSection_AfterAsManyPages()
    {
        using TableReader reader = _table.AddReader();
        _table.Map(new IovaRange(0, 4 * M - 1), 4096, ReadWrite);
        var segments = new PhysicalSegment[4];

        reader.TryEnter();
        reader.Translate(0, DmaAccess.Read, true);
        RangeTranslation first = reader.TranslateRange(new IovaRange(0, 4 * M - 1), DmaAccess.Read, true, segments);
        reader.Leave();

        Assert.Equal(new RangeTranslation(1, 511 * 4096, DmaFault.None), first);
        Assert.Equal(new PhysicalSegment(4096, 511 * 4096, false), segments[0]);
    }

    /// <summary>Invariant 1: what a reader may still be walking is not filled with other pages.</summary>
    [Fact]
    public void FreedTable_IsUsedAgain_OnlyWhenOldSectionsAreOver()
    {
        using TableReader reader = _table.AddReader();
        _table.Map(new IovaRange(0, 0xFFF), 4096, ReadWrite);
        ulong first = PointerAt(0);
        reader.TryEnter();

        _table.Unmap(new IovaRange(0, 0xFFF));
        _table.Map(new IovaRange(2 * M, 2 * M + 0xFFF), 4096, ReadWrite);
        ulong second = PointerAt(2 * M);
        long epoch = _table.Advance();
        _table.Map(new IovaRange(4 * M, 4 * M + 0xFFF), 4096, ReadWrite);
        ulong third = PointerAt(4 * M);
        reader.Leave();
        Assert.True(_table.HasPassed(epoch));
        _table.Map(new IovaRange(6 * M, 6 * M + 0xFFF), 4096, ReadWrite);

        Assert.NotEqual(first, second);
        Assert.NotEqual(first, third);
        Assert.Equal(first, PointerAt(6 * M));
        _table.CheckAll();
    }

    /// <summary>A directory, a block and one chunk of 512 tables, all of them freed and used again many times.</summary>
    [Fact]
    public void FreedTables_AreFoundAgain_WhenTheFreeListIsShort()
    {
        using var memory = new TableMemory(3 * TableMemory.ChunkBytes);
        using var table = new DensePageTable(39, false, IommuCapabilities.AllPageSizes, memory);
        using TableReader reader = table.AddReader();
        for (int round = 0; round < 5; round++)
        {
            Assert.Equal(Errno.OK, table.Map(new IovaRange(0, G - 1), 4096, ReadWrite));
            reader.TryEnter();
            Assert.Equal(Errno.OK, table.Unmap(new IovaRange(0, G - 1)));
            Assert.Equal(Errno.ENOMEM, table.Map(new IovaRange(0, G - 1), 4096, ReadWrite));
            reader.Leave();
            table.CheckAll();
        }
    }

    [Fact]
    public void Fetch_AnswersTheSlot_AndCopiesItsLeafTable()
    {
        _table.Map(new IovaRange(4096, 8191), 64 * M, DmaAccess.Read);
        _table.Map(new IovaRange(2 * M, 4 * M - 1), 128 * M, ReadWrite);
        var leaf = new ulong[512];

        Assert.Equal(PointerAt(0), _table.Fetch(12345, leaf));
        Assert.Equal((0UL, 64 * M + 1, 0UL), (leaf[0], leaf[1], leaf[2]));
        Assert.Equal(128 * M + 0x83, _table.Fetch(2 * M + 99, leaf));
        Assert.Equal(0UL, _table.Fetch(4 * M, leaf));
        Assert.Equal(0UL, _table.Fetch(1UL << 48, leaf));
    }

    /// <summary>Start, length, physical address, page sizes; leaf tables and GiBs touched.</summary>
    [Theory]
    [InlineData(0, 4096, 0, 4096, 2)]
    [InlineData(0, 1UL << 21, 0, 4096, 2)]
    [InlineData(0, 1UL << 21, 0, 4096 | 2 << 20, 1)]
    [InlineData(4096, 1UL << 21, 4096, 4096 | 2 << 20, 3)]
    [InlineData(0, 1UL << 30, 4096, 4096 | 2 << 20, 513)]
    [InlineData((1UL << 30) - 4096, 8192, 0, 4096, 4)]
    [InlineData(0, 1UL << 30, 0, 4096 | 1 << 30, 1)]
    [InlineData(0, 1UL << 40, 4096, 4096, 524288 + 1024)]
    [InlineData(1, 4096, 0, 4096, 0)]
    [InlineData(0, 4096, 1, 4096, 0)]
    public void TablesNeeded_CountsLeafTablesAndGiBs(ulong start, ulong length, ulong physical, ulong pageSizes, long tables) =>
        Assert.Equal(tables, DensePageTable.TablesNeeded(new IovaRange(start, start + length - 1), physical, pageSizes));

    [Fact]
    public void TablesNeeded_IsNeverLessThanMapTakes()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            using var table = new DensePageTable(39, false, IommuCapabilities.AllPageSizes, _memory);
            ulong start = (ulong)random.Next(0, 1 << random.Next(1, 19)) << 12;
            var range = new IovaRange(start, start + ((ulong)random.Next(1, 1 << random.Next(1, 19)) << 12) - 1);
            ulong physical = (ulong)random.Next(0, 1 << 18) << (random.Next(2) == 0 ? 12 : 21);

            Assert.Equal(Errno.OK, table.Map(range, physical, ReadWrite));

            long giants = (long)((range.Last >> 30) - (range.Start >> 30)) + 1;
            Assert.True(table.Tables + giants <= DensePageTable.TablesNeeded(range, physical, IommuCapabilities.AllPageSizes), $"seed {seed}");
        }
    }

    [Fact]
    public void Sections_AllocateNothing()
    {
        using TableReader reader = _table.AddReader();
        _table.Map(new IovaRange(0, 4 * M - 1), 4096, ReadWrite);
        _table.SetDirtyTracking(true);
        ulong[] iovas = [.. Enumerable.Range(0, 256).Select(i => (ulong)i * 4096)];
        var words = new ulong[iovas.Length];
        var bitmap = new ulong[16];
        for (int round = 0; round < 3; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();

            reader.TryEnter();
            reader.Translate(iovas, words, ReadWrite, true);
            reader.Translate(3 * M, DmaAccess.Write, true);
            reader.Leave();
            _table.Unmap(new IovaRange(0, 0xFFF));
            _table.HasPassed(_table.Advance());
            _table.Map(new IovaRange(0, 0xFFF), 4096, ReadWrite);
            _table.ReadDirty(new IovaRange(0, 4 * M - 1), 4096, true, bitmap);
            _table.MarkDirty(0, 2 * M);

            // The first round pays for the JIT's own bookkeeping.
            Assert.True(round == 0 || GC.GetAllocatedBytesForCurrentThread() == before, $"round {round}");
        }
    }

    private ulong PointerAt(ulong iova) => _table.RawEntry(iova, level: 2);
}
