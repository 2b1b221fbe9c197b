// What the dense table costs: nothing on the heap per operation, little while empty, and all of it given back.
using System.Runtime.CompilerServices;
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

public sealed class DensePageTableMemoryTests
{
    private const ulong K = 1UL << 10, M = 1UL << 20, G = 1UL << 30;
    private const ulong All = IommuCapabilities.AllPageSizes;
    private const DmaAccess ReadWrite = DmaAccess.ReadWrite;

    /// <summary>Cold as well as warm: the first map takes a directory, a block and leaf tables.</summary>
    [Fact]
    public void MapTranslateUnmap_AllocateNothing()
    {
        ulong[] iovas = [.. Enumerable.Range(0, 4096).Select(i => (ulong)i * 4096)];
        var words = new ulong[iovas.Length];
        var segments = new PhysicalSegment[8];
        for (int round = 0; round < 3; round++)
        {
            using var table = new DensePageTable(57, true, All, TableMemory.Shared);
            long before = GC.GetAllocatedBytesForCurrentThread();

            table.Map(new IovaRange(0, 3 * G + 5 * M + 4 * K - 1), 0, ReadWrite);
            table.Map(new IovaRange(4 * G, 5 * G - 1), 4096, ReadWrite);
            table.Map(new IovaRange(1UL << 56, (1UL << 56) + 0xFFF), 0, ReadWrite);
            table.Translate(4096, DmaAccess.Read, true);
            table.Translate(iovas, words, DmaAccess.Write, true);
            table.TranslateOnSpans(iovas, words, DmaAccess.Write, true);
            table.TranslateRange(new IovaRange(M, 3 * G), DmaAccess.Read, true, segments);
            table.Unmap(new IovaRange(4 * G, 5 * G - 1));
            table.Unmap(new IovaRange(0, (1UL << 57) - 1));

            // The first round pays for the JIT's own bookkeeping.
            Assert.True(round == 0 || GC.GetAllocatedBytesForCurrentThread() == before, $"round {round}");
        }
    }

    [Fact]
    public void EmptyTable_OwnsNoChunk_AndStaysUnder64KiB()
    {
        using var memory = new TableMemory(64 * M);
        var tables = new DensePageTable[1000];
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int i = 0; i < tables.Length; i++)
        {
            tables[i] = new DensePageTable(48, true, All, memory);
        }

        // 100,000 of them in 8 GiB would be 80 KiB each; this leaves nearly all of it to the rest of an IOASID.
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / tables.Length, 1, 1024);
        Assert.Equal(0, memory.ChunksInUse);
        Array.ForEach(tables, table => table.Dispose());
    }

    [Fact]
    public void Map_WithoutMemoryForTables_AnswersEnomem_AndWritesNothing()
    {
        // A directory, two blocks, one chunk of leaf tables: 1 GiB in pages of 4 KiB.
        using var memory = new TableMemory(4 * TableMemory.ChunkBytes);
        using var table = new DensePageTable(48, false, All, memory);
        Assert.Equal(Errno.OK, table.Map(new IovaRange(0, G - 1), 4096, ReadWrite));
        string before = $"{table.LeafCount} {table.EntriesWritten} {table.Tables} {memory.ChunksInUse}";

        Assert.Equal(Errno.ENOMEM, table.Map(new IovaRange(2 * G, 3 * G + 0xFFF), 4096, ReadWrite));
        Assert.Equal(Errno.ENOMEM, table.Map(new IovaRange(600 * G, (1UL << 44) - 1), 0, ReadWrite));

        Assert.Equal(before, $"{table.LeafCount} {table.EntriesWritten} {table.Tables} {memory.ChunksInUse}");
        Assert.Equal(DmaFault.NoRead, table.Translate(2 * G, DmaAccess.Read, true).Fault);
        Assert.Equal(Errno.OK, table.Unmap(new IovaRange(0, 2 * M - 1)));
        Assert.Equal(Errno.OK, table.Map(new IovaRange(2 * G, 2 * G + 0xFFF), 0, ReadWrite));
        Assert.Equal(Errno.OK, table.Map(new IovaRange(512 * G, 514 * G - 1), 0, ReadWrite));
    }

    [Fact]
    public void Dispose_GivesEveryChunkBack_ZeroedForTheNext()
    {
        using var memory = new TableMemory(16 * M);
        for (int round = 0; round < 20; round++)
        {
            using var table = new DensePageTable(57, round % 2 == 0, All, memory);
            Assert.Equal(Errno.OK, table.Map(new IovaRange(0, (round % 3 == 0 ? G : 5 * M) + 4095), 4096, ReadWrite));
            Assert.Equal(Errno.OK, table.Map(new IovaRange(1UL << 50, (1UL << 50) + (3 * M) - 1), 0, ReadWrite));
            table.CheckAll();
            Assert.Equal((round % 3 == 0 ? 262_145 : 1281) + 257, table.LeafCount);
            Assert.Equal(table.LeafCount, table.Leaves().Count());
            table.Dispose();
            Assert.Equal(0, memory.ChunksInUse);
            Assert.Throws<ObjectDisposedException>(() => table.Translate(0, DmaAccess.Read, true));
            Assert.Throws<ObjectDisposedException>(() => table.Map(new IovaRange(0, 4095), 0, ReadWrite));
        }
    }

    [Fact]
    public void TableThatNobodyDisposes_GivesItsMemoryBackAllTheSame()
    {
        using var memory = new TableMemory(64 * M);
        MapAndForget(memory);
        Assert.Equal(3, memory.ChunksInUse);

        GC.Collect();
        GC.WaitForPendingFinalizers();

        Assert.Equal(0, memory.ChunksInUse);
    }

    /// <summary>A leaf table that was dropped with entries in it must not show them when a few pages are mapped in it.</summary>
    [Fact]
    public void LeafTable_UsedAgain_ShowsNothingOfItsPast()
    {
        using var table = new DensePageTable(48, false, All);
        table.Map(new IovaRange(0, 2 * M - 1), 4096, ReadWrite);
        table.Unmap(new IovaRange(0, 2 * M - 1));

        table.Map(new IovaRange(G + 8 * K, G + 12 * K - 1), 0, DmaAccess.Read);

        Assert.Equal([(G + 8 * K, 4 * K, IoPte.Leaf(0, DmaAccess.Read, false, 1))], table.Leaves());
        table.CheckAll();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void MapAndForget(TableMemory memory) =>
        new DensePageTable(48, false, All, memory).Map(new IovaRange(0, 4095), 0, ReadWrite);
}
