// Batches and ranges of the dense table: every length and mixture gives the words that addresses give one by one.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

public sealed class DensePageTableBatchTests
{
    private const ulong M = 1UL << 20, G = 1UL << 30;
    private const ulong All = IommuCapabilities.AllPageSizes;

    /// <summary>Where the addresses of a batch are drawn from.</summary>
    public static TheoryData<string, ulong[]> Places => new()
    {
        { "pages of 4 KiB", [0] },
        { "pages of 2 MiB", [16 * G] },
        { "pages of 1 GiB", [32 * G] },
        { "all sizes", [0, 16 * G, 32 * G] },
        { "another block", [700 * G] },
        { "two blocks", [0, 700 * G] },
        { "holes as well", [0, 8 * G, 16 * G, 600 * G, 2000 * G] },
        { "beyond the width as well", [0, 16 * G, (1UL << 48) - G, ulong.MaxValue - (2 * G)] },
    };

    /// <summary>Enough leaf tables that long batches fetch ahead, and lengths around its 64 and the gather's 8.</summary>
    [Theory]
    [MemberData(nameof(Places))]
    public void Batch_HasTheWordsOfSingleTranslations(string name, ulong[] starts)
    {
        using var table = new DensePageTable(48, true, All);
        Assert.Equal(Errno.OK, table.Map(new IovaRange(0, (4 * G) - 1), 100 * G + 4096, DmaAccess.ReadWrite));
        Assert.Equal(Errno.OK, table.Map(new IovaRange(16 * G, (18 * G) - 1), 200 * G + (2 * M), DmaAccess.Read));
        Assert.Equal(Errno.OK, table.Map(new IovaRange(32 * G, (34 * G) - 1), 300 * G, DmaAccess.Write));
        Assert.Equal(Errno.OK, table.Map(new IovaRange(700 * G, (700 * G) + (8 * M) - 1), 4096, DmaAccess.ReadWrite));
        var random = new Random(starts.Length);
        foreach (int length in (int[])[0, 1, 7, 8, 9, 63, 64, 65, 127, 200, 512, 4096])
        {
            ulong[] iovas = [.. Enumerable.Range(0, length).Select(_ => starts[random.Next(starts.Length)] + (ulong)random.NextInt64((long)(2 * G)))];
            foreach (var (need, snoopControl) in from need in (DmaAccess[])[DmaAccess.Read, DmaAccess.Write, DmaAccess.ReadWrite]
                                                 from control in (bool[])[true, false] select (need, control))
            {
                ulong[] expected = [.. iovas.Select(iova => TranslatedWord.Of(table.Translate(iova, need, snoopControl)))];
                int faults = expected.Count(word => word == TranslatedWord.Fault);
                var gathered = new ulong[length + 1];
                var onSpans = new ulong[length + 1];

                Assert.Equal(faults, table.Translate(iovas, gathered, need, snoopControl));
                Assert.Equal(faults, table.TranslateOnSpans(iovas, onSpans, need, snoopControl));

                Assert.True(expected.AsSpan().SequenceEqual(gathered.AsSpan(0, length)), $"{name}: {length} gathered");
                Assert.True(expected.AsSpan().SequenceEqual(onSpans.AsSpan(0, length)), $"{name}: {length} on spans");
                Assert.Equal((0UL, 0UL), (gathered[length], onSpans[length]));
            }
        }
    }

    [Fact]
    public void Batch_WithoutRoomForItsWords_IsABugOfTheCaller()
    {
        using var table = new DensePageTable(48, true, All);

        Assert.Throws<ArgumentOutOfRangeException>(() => table.Translate(new ulong[9], new ulong[8], DmaAccess.Read, true));
    }

    [Fact]
    public void Word_SaysWhereAndWhetherSnooped()
    {
        using var table = new DensePageTable(48, true, All);
        table.Map(new IovaRange(0, 4095), (1UL << 52) - 4096, DmaAccess.Read);
        var words = new ulong[1];

        Assert.Equal(0, table.Translate([0xABC], words, DmaAccess.Read, true));

        Assert.Equal(((1UL << 52) - 4096 + 0xABC, true), (TranslatedWord.Physical(words[0]), TranslatedWord.Snp(words[0])));
    }

    public static TheoryData<string, ulong, ulong, int, string> Ranges => new()
    {
        // rule                          start        length           room  segments; mapped: 0..8K at 1M, 8K..12K at 5M, 2M..6M at 8M, 1G..2G at 0, 2G..2G+4K at 1G
        { "inside a page",               0x123,       0x10,            4,    "0x100123+0x10" },
        { "neighbours are joined",       0xFFF,       2,               4,    "0x100fff+0x2" },
        { "a jump parts",                0x1000,      0x2000,          4,    "0x101000+0x1000 0x500000+0x1000" },
        { "a hole ends it",              0,           0x4000,          4,    "0x100000+0x2000 0x500000+0x1000 NoRead" },
        { "a hole at once",              0x3000,      1,               4,    "NoRead" },
        { "no more room",                0,           0x3000,          1,    "0x100000+0x2000" },
        { "no room at all",              0,           1,               0,    "" },
        { "room, then a fault",          0x1000,      0x4000,          1,    "0x101000+0x1000" },
        { "large pages are joined",      3 * M,       2 * M,           4,    "0x900000+0x200000" },
        { "1G goes on in 4K",            2 * G - 8,   16,              4,    "0x3ffffff8+0x10" },
        { "1G whole",                    G,           G + 0x1000,      4,    "0x0+0x40001000" },
        { "to the end of the width",     (1UL << 48) - 1, 2,           4,    "NoRead" },
        { "beyond the width",            1UL << 48,   1,               4,    "BeyondWidth" },
    };

    [Theory]
    [MemberData(nameof(Ranges))]
    public void Range_IsAsFewSegmentsAsThereCanBe(string rule, ulong start, ulong length, int room, string expected)
    {
        using var table = new DensePageTable(48, false, All);
        table.Map(new IovaRange(0, 0x1FFF), M, DmaAccess.Read);
        table.Map(new IovaRange(0x2000, 0x2FFF), 5 * M, DmaAccess.Read);
        table.Map(new IovaRange(2 * M, (6 * M) - 1), 8 * M, DmaAccess.Read);
        table.Map(new IovaRange(G, (2 * G) - 1), 0, DmaAccess.Read);
        table.Map(new IovaRange(2 * G, (2 * G) + 0xFFF), G, DmaAccess.Read);
        var segments = new PhysicalSegment[room];

        RangeTranslation found = table.TranslateRange(new IovaRange(start, start + length - 1), DmaAccess.Read, true, segments);

        string[] words = [.. segments[..found.Segments].Select(segment => $"0x{segment.Physical:x}+0x{segment.Length:x}"),
            .. found.Fault == DmaFault.None ? (string[])[] : [found.Fault.ToString()]];
        Assert.True(expected == string.Join(' ', words), $"{rule}: {string.Join(' ', words)}");
        Assert.Equal(segments[..found.Segments].Aggregate(0UL, (sum, segment) => sum + segment.Length), found.Bytes);
    }
}
