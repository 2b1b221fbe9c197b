// T7 to T10 and T12: map and unmap of whole ranges, beside C filling the same amount of entries.
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>
/// Each target has a table and a memory of its own, with nothing else in it. The tables of T7 to T10 have a reader that rests, as one of which a device may
/// read has: what was unmapped is used again when its section is known to be over.
/// </summary>
internal static class MapTargets
{
    private const ulong GiB = 1UL << 30;
    private const ulong Small = Quantity.PageSize, Large = Small | (2UL << 20), Giant = Large | GiB;
    private const ulong TableMemoryBytes = 1UL << 30;
    private const double Micro = 1e3, Milli = 1e6;

    public static TargetRow[] Small1GiB(BenchSettings settings, CReference? c)
    {
        using var memory = new TableMemory(TableMemoryBytes);
        using DensePageTable table = NewTable(Small, memory);
        using TableReader resting = table.AddReader();
        var calls = new MapVariants(table, GiB, ranges: 1, times: 8);
        using FillVariant? fill = c is null ? null : new FillVariant(c, entries: 1 << 18, times: 8);
        Rounds rounds = fill is null ? Rounds.Run(settings.Rounds, calls.Map) : Rounds.Run(settings.Rounds, calls.Map, fill.Variant);
        return
        [
            new TargetRow("T7", "map 1 GiB as 4K, warm",
                [
                    new Figure("ours", rounds.Nanoseconds(0) / Micro, "us", 45, 30),
                    new Figure("ours / C filling as many entries", fill is null ? null : rounds.Ratio(0, 1), "x", 1.5, null),
                ],
                fill is null ? "" : FormattableString.Invariant($"C fill {rounds.Nanoseconds(1) / Micro:f1} us")),
        ];
    }

    public static TargetRow[] Large1GiB(BenchSettings settings, CReference? c)
    {
        using var memory = new TableMemory(TableMemoryBytes);
        using DensePageTable large = NewTable(Large, memory), giant = NewTable(Giant, memory);
        using TableReader ofLarge = large.AddReader(), ofGiant = giant.AddReader();
        Rounds rounds = Rounds.Run(
            settings.Rounds, new MapVariants(large, GiB, ranges: 4, times: 100).Map, new MapVariants(giant, GiB, ranges: 4, times: 100).Map);
        return
        [
            new TargetRow("T8", "map 1 GiB as large pages",
                [
                    new Figure("512 pages of 2M", rounds.Nanoseconds(0) / Micro, "us", 1, 0.65),
                    new Figure("one page of 1G", rounds.Nanoseconds(1), "ns", 150, 100),
                ]),
        ];
    }

    public static TargetRow[] Unmap1GiB(BenchSettings settings, CReference? c)
    {
        using var memory = new TableMemory(TableMemoryBytes);
        using DensePageTable small = NewTable(Small, memory), large = NewTable(Large, memory), giant = NewTable(Giant, memory);
        using TableReader ofSmall = small.AddReader(), ofLarge = large.AddReader(), ofGiant = giant.AddReader();
        Rounds rounds = Rounds.Run(
            settings.Rounds, new MapVariants(small, GiB, ranges: 1, times: 8).Unmap, new MapVariants(large, GiB, ranges: 4, times: 100).Unmap,
            new MapVariants(giant, GiB, ranges: 4, times: 100).Unmap);
        return
        [
            new TargetRow("T9", "unmap 1 GiB, without completion",
                [
                    new Figure("as 4K", rounds.Nanoseconds(0) / Micro, "us", 6, 3),
                    new Figure("as 2M", rounds.Nanoseconds(1) / Micro, "us", 1, 0.7),
                ],
                FormattableString.Invariant($"one page of 1G {rounds.Nanoseconds(2):f0} ns")),
        ];
    }

    public static TargetRow[] Map64GiB(BenchSettings settings, CReference? c)
    {
        using var memory = new TableMemory(TableMemoryBytes);
        using DensePageTable small = NewTable(Small, memory), large = NewTable(Large, memory);
        using TableReader ofSmall = small.AddReader(), ofLarge = large.AddReader();
        var smalls = new MapVariants(small, 64 * GiB, ranges: 1, times: 1);
        var larges = new MapVariants(large, 64 * GiB, ranges: 1, times: 20);
        using FillVariant? fill = c is null ? null : new FillVariant(c, entries: 1 << 24, times: 1);
        Rounds rounds = fill is null
            ? Rounds.Run(settings.Rounds, smalls.Map, larges.Map)
            : Rounds.Run(settings.Rounds, smalls.Map, larges.Map, fill.Variant);
        return
        [
            new TargetRow("T10", "map 64 GiB, warm",
                [
                    new Figure("as 4K", rounds.Nanoseconds(0) / Milli, "ms", 8, 6),
                    new Figure("as 2M", rounds.Nanoseconds(1) / Micro, "us", 10, 5),
                ],
                fill is null ? "" : FormattableString.Invariant($"C fill of 128 MiB {rounds.Nanoseconds(2) / Milli:f2} ms; ours / C {rounds.Ratio(0, 2):f2} x")),
        ];
    }

    public static TargetRow[] Cold1GiB(BenchSettings settings, CReference? c)
    {
        using var memory = new TableMemory(TableMemoryBytes);
        Rounds rounds = Rounds.Run(settings.Rounds, new Variant("cold map", () =>
        {
            using DensePageTable table = NewTable(Small, memory);
            long start = ThreadTime.Nanoseconds;
            Errno errno = table.Map(new IovaRange(0, GiB - 1), 0, DmaAccess.ReadWrite);
            long nanoseconds = ThreadTime.Nanoseconds - start;
            return errno == Errno.OK ? nanoseconds : throw new InvalidOperationException($"Map answered {errno}.");
        }));
        return
        [
            new TargetRow("T12", "map 1 GiB as 4K into a table without memory", [new Figure("ours", rounds.Nanoseconds(0) / Micro, "us", 200, 130)],
                "page faults and the kernel's zeroing of 2 MiB included"),
        ];
    }

    private static DensePageTable NewTable(ulong pageSizes, TableMemory memory) => new(48, enforceSnoop: true, pageSizes, memory);

    /// <summary>C writes entries into memory of its own, on pages of 2 MiB.</summary>
    private sealed unsafe class FillVariant(CReference c, int entries, int times) : IDisposable
    {
        // SAFETY: C was asked for as many entries as it fills; given back once, when no variant runs any more.
        private readonly ulong* _memory = c.HugeAlloc((ulong)entries * sizeof(ulong));

        public Variant Variant => new("C fill", Sample);

        public void Dispose() => c.HugeFree(_memory);

        private double Sample()
        {
            long start = ThreadTime.Nanoseconds;
            for (int i = 0; i < times; i++)
            {
                c.Fill(_memory, entries, (ulong)DmaAccess.ReadWrite, Quantity.PageSize);
            }

            return (double)(ThreadTime.Nanoseconds - start) / times;
        }
    }
}
