// T1 to T6: translation, in batches and one at a time, beside C's walk of the same memory.
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>Each target has a table of its own, which lives as long as its rounds.</summary>
internal static class WalkTargets
{
    private const ulong GiB = 1UL << 30;
    private const ulong SmallPages = Quantity.PageSize;
    private const ulong LeastForTiB = 4 * GiB;
    private const int ManyQueries = 1 << 22;

    public static TargetRow[] Random1GiB(BenchSettings settings, CReference? c)
    {
        using DensePageTable table = Mapped(GiB, SmallPages);
        WalkVariants walks = new WalkVariants(table, AddressQueries.Random(GiB, 1 << 20), c).Checked();
        Rounds rounds = Rounds.Run(settings.Rounds, walks.Reference, walks.Ours, walks.Spans);
        return
        [
            new TargetRow("T1", "batch, random 4K over 1 GiB",
                [new Figure($"ours / {Baseline(c)}", rounds.Ratio(1, 0), "x", 1.3, 0.7), new Figure("on spans only / C scalar walk", c is null ? null : rounds.Ratio(2, 0), "x", 1.3, null)],
                Note($"{Baseline(c)} {rounds.Nanoseconds(0):f2} ns, ours {rounds.Nanoseconds(1):f2} ns, spans {rounds.Nanoseconds(2):f2} ns")),
        ];
    }

    public static TargetRow[] Random64GiB(BenchSettings settings, CReference? c)
    {
        using DensePageTable table = Mapped(64 * GiB, SmallPages);
        WalkVariants walks = new WalkVariants(table, AddressQueries.Random(64 * GiB, ManyQueries), c).Checked();
        using MemoryChains? chains = c is null ? null : new MemoryChains(c, 128UL << 20);
        Rounds rounds = chains is null
            ? Rounds.Run(settings.Rounds, walks.Reference, walks.Ours)
            : Rounds.Run(settings.Rounds, walks.Reference, walks.Ours, chains.Variant);
        return
        [
            new TargetRow("T2", "batch, random 4K over 64 GiB",
                [
                    new Figure($"ours / {Baseline(c)}", rounds.Ratio(1, 0), "x", 0.8, 0.6),
                    new Figure("ours / 24 chains through 128 MiB", chains is null ? null : rounds.Ratio(1, 2), "x", 1.8, 1.5),
                ],
                Note($"{Baseline(c)} {rounds.Nanoseconds(0):f2} ns, ours {rounds.Nanoseconds(1):f2} ns{(chains is null ? "" : Note($", chains {rounds.Nanoseconds(2):f2} ns"))}")),
        ];
    }

    public static TargetRow[] Random1TiB(BenchSettings settings, CReference? c)
    {
        const string What = "batch, random 4K over 1 TiB, tables on THP";
        ulong available = MachineFacts.AvailableBytes();
        if (available < LeastForTiB)
        {
            return [TargetRow.Skipped("T3", What, $"{available >> 20} MiB of memory available, 4096 wanted", new Figure($"ours / {Baseline(c)}", null, "x", 0.8, 0.5))];
        }

        using DensePageTable table = Mapped(1024 * GiB, SmallPages);
        WalkVariants walks = new WalkVariants(table, AddressQueries.Random(1024 * GiB, ManyQueries), c).Checked();
        Rounds rounds = Rounds.Run(settings.Rounds, walks.Reference, walks.Ours);
        return
        [
            new TargetRow("T3", What, [new Figure($"ours / {Baseline(c)}", rounds.Ratio(1, 0), "x", 0.8, 0.5)],
                Note($"{Baseline(c)} {rounds.Nanoseconds(0):f2} ns, ours {rounds.Nanoseconds(1):f2} ns")),
        ];
    }

    public static TargetRow[] Streaming(BenchSettings settings, CReference? c)
    {
        using DensePageTable table = Mapped(64 * GiB, SmallPages);
        WalkVariants walks = new WalkVariants(table, AddressQueries.Ring(13 * GiB, 256, AddressQueries.Hot), c).Checked();
        Rounds rounds = Rounds.Run(settings.Rounds, walks.Reference, walks.Ours);
        return
        [
            new TargetRow("T4", "batch, hot: a ring of 256 pages in 64 GiB",
                [new Figure("ours", rounds.Nanoseconds(1), "ns", 2.0, 1.3), new Figure($"ours / {Baseline(c)}", rounds.Ratio(1, 0), "x", 1.2, null)],
                Note($"{Baseline(c)} {rounds.Nanoseconds(0):f2} ns")),
        ];
    }

    public static TargetRow[] OneAtATime(BenchSettings settings, CReference? c)
    {
        using DensePageTable table = Mapped(GiB, SmallPages);
        WalkVariants hot = new WalkVariants(table, AddressQueries.Ring(GiB / 2, 256, AddressQueries.Hot), c).Checked();
        WalkVariants random = new WalkVariants(table, AddressQueries.Random(GiB, 1 << 20), c).Checked();
        Rounds hots = Rounds.Run(settings.Rounds, hot.OursDependent, hot.ReferenceDependent);
        Rounds randoms = Rounds.Run(settings.Rounds, random.OursDependent, random.ReferenceDependent);
        return
        [
            new TargetRow("T5", "one at a time, each waiting for the last",
                [
                    new Figure("hot: a ring of 256 pages", hots.Nanoseconds(0), "ns", 8, 6.5),
                    new Figure($"random 4K over 1 GiB, ours / {Baseline(c)}", randoms.Ratio(0, 1), "x", 1.1, null),
                ],
                Note($"{Baseline(c)} hot {hots.Nanoseconds(1):f2} ns; random {randoms.Nanoseconds(1):f2} ns, ours {randoms.Nanoseconds(0):f2} ns")),
        ];
    }

    public static TargetRow[] LargePages(BenchSettings settings, CReference? c)
    {
        using DensePageTable table = Mapped(64 * GiB, SmallPages | (2UL << 20));
        WalkVariants walks = new WalkVariants(table, AddressQueries.Random(64 * GiB, 1 << 20), c).Checked();
        Rounds rounds = Rounds.Run(settings.Rounds, walks.Reference, walks.Ours);
        return
        [
            new TargetRow("T6", "batch, random over 64 GiB of 2M pages", [new Figure($"ours / {Baseline(c)}", rounds.Ratio(1, 0), "x", 1.2, 0.7)],
                Note($"{Baseline(c)} {rounds.Nanoseconds(0):f2} ns, ours {rounds.Nanoseconds(1):f2} ns")),
        ];
    }

    /// <summary>A table with everything below <paramref name="bytes"/> mapped.</summary>
    public static DensePageTable Mapped(ulong bytes, ulong pageSizes)
    {
        var table = new DensePageTable(48, enforceSnoop: true, pageSizes);
        return table.Map(new IovaRange(0, bytes - 1), 0, DmaAccess.ReadWrite) == Errno.OK ? table : throw new InvalidOperationException("Map refused.");
    }

    private static string Baseline(CReference? c) => c is null ? "our walk on spans" : "C scalar walk";

    private static string Note(FormattableString text) => FormattableString.Invariant(text);
}
