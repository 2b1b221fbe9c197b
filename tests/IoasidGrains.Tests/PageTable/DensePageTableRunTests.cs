// The ways of the dense table that only long runs and long batches take: tables written past the caches, streams, groups in one slot.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

public sealed class DensePageTableRunTests
{
    private const ulong K = 1UL << 10, M = 1UL << 20, G = 1UL << 30;
    private const ulong All = IommuCapabilities.AllPageSizes;

    /// <summary>More leaf tables than caches hold; the physical side is out of step, so that no large page fits.</summary>
    [Fact]
    public void Map_MoreTablesThanCachesHold_WritesThemAll()
    {
        var range = new IovaRange(6 * M + 8 * K, 18 * G + 4 * K - 1);
        using var table = new DensePageTable(48, true, All);
        Assert.Equal(Errno.OK, table.Map(range, 4 * K, DmaAccess.ReadWrite));

        table.CheckAll();
        Assert.Equal((long)(range.Length / (4 * K)), table.LeafCount);
        ulong[] iovas = [.. Iovas(range)];
        ulong[] words = new ulong[iovas.Length];
        Assert.Equal(0, table.Translate(iovas, words, DmaAccess.Read, true));
        Assert.All(iovas.Zip(words), pair => Assert.Equal(pair.First - range.Start + 4 * K, TranslatedWord.Physical(pair.Second)));
        Assert.Equal(Errno.EEXIST, table.Map(range, 4 * K, DmaAccess.ReadWrite));
        Assert.Equal(Errno.OK, table.Unmap(range));
        Assert.Equal(0, table.LeafCount);
        Assert.Equal(0, table.Tables);
    }

    /// <summary>Few tables and many are walked in different ways; a stream, and eight addresses in one slot, are special in both.</summary>
    [Theory]
    [InlineData(2 * M)]
    [InlineData(2 * G)]
    public void Batch_OfAnyPattern_GivesTheWordsOfSingleTranslations(ulong mapped)
    {
        using var table = new DensePageTable(48, true, All);
        table.Map(new IovaRange(0, mapped - 1), 4 * K, DmaAccess.ReadWrite);
        table.Map(new IovaRange(4 * G, 4 * G + 4 * M - 1), 0, DmaAccess.Read);
        table.Map(new IovaRange(600 * G, 600 * G + 8 * K - 1), 0, DmaAccess.ReadWrite);
        ulong[] starts = [0, 2 * M - 32 * K, mapped - 80 * K, 4 * G, 4 * G + 2 * M - 32 * K, 600 * G, 1UL << 48];
        foreach (DmaAccess need in new[] { DmaAccess.Read, DmaAccess.Write })
        {
            foreach (ulong start in starts)
            {
                ulong[] stream = [.. Enumerable.Range(0, 150).Select(i => start + ((ulong)i * 4 * K) + (ulong)i)];
                ulong[] slot = [.. stream.Select((iova, i) => i % 64 == 63 ? 4 * G + iova % M : start + ((ulong)i % 16 * 4 * K))];
                Assert.Equal(Singly(table, stream, need), Batch(table, stream, need));
                Assert.Equal(Singly(table, slot, need), Batch(table, slot, need));
            }
        }
    }

    private static IEnumerable<ulong> Iovas(IovaRange range)
    {
        for (ulong iova = range.Start; iova <= range.Last; iova += 97 * 4 * K)
        {
            yield return iova;
        }

        yield return range.Last;
    }

    private static ulong[] Singly(DensePageTable table, ulong[] iovas, DmaAccess need) =>
        [.. iovas.Select(iova => TranslatedWord.Of(table.Translate(iova, need, true)))];

    private static ulong[] Batch(DensePageTable table, ulong[] iovas, DmaAccess need)
    {
        var words = new ulong[iovas.Length];
        var onSpans = new ulong[iovas.Length];
        int faults = table.Translate(iovas, words, need, true);
        Assert.Equal(faults, table.TranslateOnSpans(iovas, onSpans, need, true));
        Assert.Equal(words, onSpans);
        Assert.Equal(faults, words.Count(word => word == TranslatedWord.Fault));
        return words;
    }
}
