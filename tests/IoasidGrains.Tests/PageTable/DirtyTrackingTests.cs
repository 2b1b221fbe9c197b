// Which pages were written, read out as iommufd's GET_DIRTY_BITMAP does (domain 6.6, cases 186 to 189).
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

public sealed class DirtyTrackingTests : IDisposable
{
    private const ulong P = 4096, M = 1UL << 20, G = 1UL << 30;

    private readonly TableMemory _memory = new(256 * M);
    private readonly DensePageTable _table;
    private readonly TableReader _reader;

    /// <summary>Pages of 4 KiB at 0 and around 64 GiB, where the bits go on in another chunk; of 2 MiB at 4 MiB; of 1 GiB at 3 GiB.</summary>
    public DirtyTrackingTests()
    {
        _table = new DensePageTable(48, false, IommuCapabilities.AllPageSizes, _memory);
        _table.Map(new IovaRange(0, 256 * P - 1), 5 * P, DmaAccess.ReadWrite);
        _table.Map(new IovaRange(4 * M, 8 * M - 1), 0, DmaAccess.ReadWrite);
        _table.Map(new IovaRange(3 * G, 4 * G - 1), 0, DmaAccess.ReadWrite);
        _table.Map(new IovaRange(64 * G - 64 * P, 64 * G + 64 * P - 1), 0, DmaAccess.ReadWrite);
        _reader = _table.AddReader();
    }

    public void Dispose()
    {
        _reader.Dispose();
        _table.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void Write_SetsItsBit_UntilItIsReadAndCleared()
    {
        _table.SetDirtyTracking(true);
        Write(3 * P + 17);

        Assert.Equal([1UL << 3], Read(0, 8 * P, P, clear: true));
        Assert.Equal([0UL], Read(0, 8 * P, P, clear: true));
    }

    [Fact]
    public void ReadWithoutClearing_AnswersTheSameTwice()
    {
        _table.SetDirtyTracking(true);
        Write(3 * P);

        Assert.Equal([1UL << 3], Read(0, 8 * P, P, clear: false));
        Assert.Equal([1UL << 3], Read(0, 8 * P, P, clear: false));
    }

    [Fact]
    public void Read_OrFault_SetsNothing()
    {
        _table.SetDirtyTracking(true);
        _reader.TryEnter();
        _reader.Translate([0, P], new ulong[2], DmaAccess.Read, true);
        _reader.Translate([2 * G, 2 * G + P], new ulong[2], DmaAccess.Write, true);
        _reader.Translate(0, DmaAccess.Read, true);
        _reader.Leave();

        Assert.Equal([0UL, 0, 0, 0], Read(0, 256 * P, P, clear: false));
    }

    /// <summary>A written address; start and length of the query, bytes per bit; which bit is set, or -1.</summary>
    [Theory]
    [InlineData(0, 0, P, P, 0)]
    [InlineData(70 * P, 0, 256 * P, P, 70)]
    [InlineData(70 * P, 7 * P, 200 * P, P, 63)]
    [InlineData(71 * P, 7 * P, 200 * P, P, 64)]
    [InlineData(6 * P, 7 * P, 200 * P, P, -1)]
    [InlineData(207 * P, 7 * P, 200 * P, P, -1)]
    [InlineData(206 * P, 7 * P, 200 * P, P, 199)]
    [InlineData(70 * P, 0, 256 * P, 2 * P, 35)]
    [InlineData(70 * P, 32 * P, 96 * P, 32 * P, 1)]
    [InlineData(200 * P, 0, 256 * P, 64 * P, 3)]
    [InlineData(200 * P, 0, 256 * P, 128 * P, 1)]
    [InlineData(6 * M + 9, 4 * M, 4 * M, 2 * M, 1)]
    [InlineData(6 * M + 9, 4 * M, 4 * M, P, 512)]
    [InlineData(3 * G + 5 * M, 3 * G, G, G, 0)]
    [InlineData(3 * G + 5 * M, 3 * G, G, 2 * M, 2)]
    [InlineData(64 * G - 1, 64 * G - 64 * P, 128 * P, P, 63)]
    [InlineData(64 * G, 64 * G - 64 * P, 128 * P, P, 64)]
    [InlineData(64 * G, 64 * G - 32 * P, 64 * P, 32 * P, 1)]
    public void Read_PutsThePageOfAWrite_AtItsDistanceFromTheStart(ulong written, ulong start, ulong length, ulong pageSize, int bit)
    {
        _table.SetDirtyTracking(true);
        Write(written);

        ulong[] bitmap = Read(start, length, pageSize, clear: true);

        Assert.Equal(bit < 0 ? [] : [bit], Bits(bitmap));
        Assert.Empty(Bits(Read(start, length, pageSize, clear: false)));
        int page = (int)(written % G / P);
        Assert.Equal(bit < 0 && written < G ? [page] : [], written < 256 * P ? Bits(Read(0, 256 * P, P, clear: false)) : []);
    }

    [Fact]
    public void Read_OrsIntoTheBitmap()
    {
        _table.SetDirtyTracking(true);
        Write(P);
        ulong[] bitmap = [1UL << 5, 7];

        Assert.Equal(Errno.OK, _table.ReadDirty(new IovaRange(0, 8 * P - 1), P, false, bitmap));

        Assert.Equal([1UL << 5 | 1UL << 1, 7UL], bitmap);
    }

    /// <summary>In the order of the check: tracking, start, length, bytes per bit, words of bitmap.</summary>
    [Theory]
    [InlineData(false, 0, 8 * P, P, 1)]
    [InlineData(true, 0, 8 * P, 0, 1)]
    [InlineData(true, 0, 8 * P, 2048, 1)]
    [InlineData(true, 0, 6 * P, 3 * P, 1)]
    [InlineData(true, P, 2 * P, 2 * P, 1)]
    [InlineData(true, 0, 3 * P, 2 * P, 1)]
    [InlineData(true, 17, P, P, 1)]
    [InlineData(true, 0, 65 * P, P, 1)]
    [InlineData(true, 0, P, P, 0)]
    [InlineData(true, 0, 257 * P, P, 8)]
    [InlineData(true, 256 * P, P, P, 1)]
    [InlineData(true, 8 * M - 2 * M, 4 * M, 2 * M, 1)]
    [InlineData(true, (1UL << 48) - P, P, P, 1)]
    [InlineData(true, 1UL << 48, P, P, 1)]
    [InlineData(true, P, ulong.MaxValue - P + 1, P, 1)]
    public void Read_OfWhatCannotBe_AnswersEinval_AndClearsNothing(bool tracking, ulong start, ulong length, ulong pageSize, int words)
    {
        _table.SetDirtyTracking(true);
        Write(0);
        _table.SetDirtyTracking(tracking);
        Write(0);

        Assert.Equal(Errno.EINVAL, _table.ReadDirty(new IovaRange(start, start + length - 1), pageSize, true, new ulong[words]));

        _table.SetDirtyTracking(tracking);
        Write(0);
        Assert.True(!tracking || Read(0, P, P, clear: false)[0] == 1);
    }

    [Fact]
    public void Read_AcrossASizeOfPages_IsNoHole()
    {
        _table.Map(new IovaRange(256 * P, 4 * M - 1), 77 * P, DmaAccess.Read);
        _table.SetDirtyTracking(true);
        Write(255 * P);
        Write(4 * M);

        Assert.Equal([255, 1024], Bits(Read(0, 8 * M, P, clear: false)));
    }

    /// <summary>Start and length of the query, bytes per bit; the set bits after writes at 3 GiB, 3 GiB + 5 MiB and in the last page before 4 GiB.</summary>
    [Theory]
    [InlineData(3 * G, G, P, false, new[] { 0, 1280, 262143 })]
    [InlineData(3 * G, G, 2 * M, false, new[] { 0, 2, 511 })]
    [InlineData(3 * G, G, G, false, new[] { 0 })]
    [InlineData(3 * G - 2 * M, G + 4 * M, 2 * M, true, new[] { 1, 3, 512 })]
    [InlineData(3 * G - 3 * P, G + 3 * P, P, true, new[] { 3, 1283, 262146 })]
    [InlineData(3 * G + P, G - P, P, true, new[] { 1279, 262142 })]
    public void Take_ThenCollect_AnswersAsReadDoes(ulong start, ulong length, ulong pageSize, bool live, int[] bits)
    {
        _table.Map(new IovaRange(3 * G - 2 * M, 3 * G - 1), 0, DmaAccess.ReadWrite);
        _table.Map(new IovaRange(4 * G, 4 * G + 2 * M - 1), 0, DmaAccess.ReadWrite);
        _table.SetDirtyTracking(true);
        for (int round = 0; round < 3; round++)
        {
            Write(3 * G);
            Write(3 * G + 5 * M);
            Write(4 * G - 1);

            Assert.Equal(bits, Bits(Take(start, length, pageSize, live)));
            Assert.Empty(Bits(Read(start, length, pageSize, clear: false)));
            Read(3 * G, G, P, clear: true);
        }
    }

    [Fact]
    public void WritesAfterTake_AreLeftForTheNext_AndThoseOfAnOpenSectionAreCollected()
    {
        _table.SetDirtyTracking(true);
        using TableReader late = _table.AddReader();
        _reader.TryEnter();
        _reader.Translate(3 * G, DmaAccess.Write, true);
        var bitmap = new ulong[(G / P) / 64];

        Assert.Equal(Errno.OK, _table.TakeDirty(new IovaRange(3 * G, 4 * G - 1), P, bitmap.Length));
        long epoch = _table.Advance();
        late.TryEnter();
        late.Translate(3 * G + P, DmaAccess.Write, true);
        late.Leave();
        _table.MarkDirty(3 * G + 2 * P, P);
        Assert.False(_table.HasPassed(epoch));
        _reader.Leave();
        Assert.True(_table.HasPassed(epoch));

        Assert.False(_table.CollectTaken(bitmap));
        Assert.Equal([0], Bits(bitmap));
        Assert.Equal([1, 2], Bits(Read(3 * G, G, P, clear: false)));
    }

    [Fact]
    public void WhatIsTaken_MustBeCollectedFirst()
    {
        _table.SetDirtyTracking(true);
        Assert.Throws<InvalidOperationException>(() => _table.CollectTaken(new ulong[1]));
        Assert.Equal(Errno.EINVAL, _table.TakeDirty(new IovaRange(0, 65 * P - 1), P, 1));
        Assert.Equal(Errno.EINVAL, _table.TakeDirty(new IovaRange(256 * P, 257 * P - 1), P, 1));
        Assert.Equal(Errno.OK, _table.TakeDirty(new IovaRange(0, P - 1), P, 1));

        Assert.Throws<InvalidOperationException>(() => _table.TakeDirty(new IovaRange(0, P - 1), P, 1));
        Assert.Throws<InvalidOperationException>(() => _table.ReadDirty(new IovaRange(0, P - 1), P, false, new ulong[1]));
        Assert.Throws<InvalidOperationException>(() => _table.SetDirtyTracking(true));

        Assert.True(_table.CollectTaken(new ulong[1]));
        Assert.Equal(Errno.OK, _table.SetDirtyTracking(true));
    }

    [Fact]
    public void Enable_ForgetsWhatWasMarked_AndDisableToo()
    {
        Assert.False(_table.TracksDirty);
        Write(0);
        Assert.Equal(Errno.OK, _table.SetDirtyTracking(true));
        Assert.True(_table.TracksDirty);
        Assert.Equal([0UL], Read(0, P, P, clear: false));
        Write(0);
        Assert.Equal(Errno.OK, _table.SetDirtyTracking(true));
        Assert.Equal([0UL], Read(0, P, P, clear: false));
        Write(0);
        Assert.Equal(Errno.OK, _table.SetDirtyTracking(false));
        Assert.Equal(Errno.OK, _table.SetDirtyTracking(false));
        Assert.False(_table.TracksDirty);
        Assert.Equal(Errno.OK, _table.SetDirtyTracking(true));
        Assert.Equal([0UL], Read(0, P, P, clear: false));
    }

    [Fact]
    public void Disable_GivesTheMemoryBack_ZeroedForTheNext()
    {
        int before = _memory.ChunksInUse;
        for (int round = 0; round < 3; round++)
        {
            _table.SetDirtyTracking(true);
            Assert.Equal(before + 3, _memory.ChunksInUse);
            Assert.Empty(Bits(Read(64 * G - 64 * P, 128 * P, P, clear: false)));
            Write(64 * G);
            Write(0);
            _table.SetDirtyTracking(false);
            Assert.Equal(before, _memory.ChunksInUse);
        }
    }

    [Fact]
    public void Enable_WithoutMemory_AnswersEnomem_AndMapToo()
    {
        using var memory = new TableMemory(4 * TableMemory.ChunkBytes);
        using var table = new DensePageTable(48, false, IommuCapabilities.AllPageSizes, memory);
        table.Map(new IovaRange(0, P - 1), 0, DmaAccess.ReadWrite);
        table.Map(new IovaRange(64 * G, 64 * G + P - 1), 0, DmaAccess.ReadWrite);

        Assert.Equal(Errno.ENOMEM, table.SetDirtyTracking(true));
        Assert.False(table.TracksDirty);
        Assert.Equal(3, memory.ChunksInUse);
        table.Unmap(new IovaRange(64 * G, 64 * G + P - 1));
        Assert.Equal(Errno.OK, table.SetDirtyTracking(true));
        Assert.Equal(Errno.ENOMEM, table.Map(new IovaRange(64 * G, 64 * G + P - 1), 0, DmaAccess.ReadWrite));
        Assert.Equal(DmaFault.NoRead, table.Translate(64 * G, DmaAccess.Read, true).Fault);
    }

    [Fact]
    public void MapWhileTracking_IsTracked_AndUnmapForgets()
    {
        _table.SetDirtyTracking(true);
        _table.Map(new IovaRange(300 * G, 300 * G + 2 * P - 1), 0, DmaAccess.ReadWrite);
        Write(300 * G + P);
        Assert.Equal([2UL], Read(300 * G, 2 * P, P, clear: false));

        _table.Unmap(new IovaRange(300 * G, 300 * G + 2 * P - 1));
        _table.Map(new IovaRange(300 * G, 300 * G + 2 * P - 1), 0, DmaAccess.ReadWrite);

        Assert.Equal([0UL], Read(300 * G, 2 * P, P, clear: false));
    }

    [Fact]
    public void TranslateRangeForWrite_MarksWhatItTranslated()
    {
        _table.SetDirtyTracking(true);
        _reader.TryEnter();
        _reader.TranslateRange(new IovaRange(250 * P + 5, 300 * P), DmaAccess.Write, true, new PhysicalSegment[8]);
        _reader.TranslateRange(new IovaRange(P, 4 * P), DmaAccess.Read, true, new PhysicalSegment[8]);
        _reader.Leave();

        Assert.Equal([250, 251, 252, 253, 254, 255], Bits(Read(0, 256 * P, P, clear: false)));
    }

    /// <summary>First byte, length; first and last marked page of the first 256.</summary>
    [Theory]
    [InlineData(0, 1, 0, 0)]
    [InlineData(P - 1, 2, 0, 1)]
    [InlineData(60 * P, 10 * P, 60, 69)]
    [InlineData(3 * P, ulong.MaxValue, 3, 255)]
    public void MarkDirty_MarksEveryPageThatItTouches(ulong first, ulong bytes, int firstPage, int lastPage)
    {
        _table.MarkDirty(first, bytes);
        _table.SetDirtyTracking(true);
        _table.MarkDirty(first, 0);
        Assert.Empty(Bits(Read(0, 256 * P, P, clear: false)));

        _table.MarkDirty(first, bytes);

        Assert.Equal(Enumerable.Range(firstPage, lastPage - firstPage + 1), Bits(Read(0, 256 * P, P, clear: false)));
    }

    private void Write(ulong iova)
    {
        _reader.TryEnter();
        _reader.Translate([iova], new ulong[1], DmaAccess.Write, true);
        _reader.Leave();
    }

    private ulong[] Read(ulong start, ulong length, ulong pageSize, bool clear)
    {
        var bitmap = new ulong[(length / pageSize + 63) / 64];
        Assert.Equal(Errno.OK, _table.ReadDirty(new IovaRange(start, start + length - 1), pageSize, clear, bitmap));
        return bitmap;
    }

    private ulong[] Take(ulong start, ulong length, ulong pageSize, bool live)
    {
        var bitmap = new ulong[(length / pageSize + 63) / 64];
        Assert.Equal(Errno.OK, _table.TakeDirty(new IovaRange(start, start + length - 1), pageSize, bitmap.Length));
        Assert.True(_table.HasPassed(_table.Advance()));
        Assert.Equal(live, _table.CollectTaken(bitmap));
        return bitmap;
    }

    private static List<int> Bits(ulong[] bitmap) =>
        [.. Enumerable.Range(0, bitmap.Length * 64).Where(bit => (bitmap[bit / 64] >> (bit % 64) & 1) != 0)];
}
