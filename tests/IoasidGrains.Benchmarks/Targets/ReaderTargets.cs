// T14, T15 and T17: what reading beside a writer costs, how soon an unmap is complete, and what noting writes costs.
using System.Diagnostics;
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>Readers read in sections of 512 translations.</summary>
internal static class ReaderTargets
{
    private const ulong GiB = 1UL << 30;
    private const int HotPages = 2048, Sections = 256, Completions = 20_000, WarmSections = 200_000, MostSpins = 64;
    private const int Section = TableReader.MaxTranslations;
    private const double Micro = 1e3;

    public static TargetRow[] Epochs(BenchSettings settings)
    {
        using DensePageTable table = WalkTargets.Mapped(GiB, Quantity.PageSize);
        using TableReader reader = table.AddReader();
        AddressQueries queries = AddressQueries.Random(HotPages * Quantity.PageSize, AddressQueries.Hot);
        Rounds rounds = Rounds.Run(settings.Rounds, Plain(table, queries), InSections("epochs", reader, queries, DmaAccess.Read));
        return
        [
            new TargetRow("T14", "reading in epoch sections of 512 / plain reading", [new Figure("2048 hot pages", rounds.Ratio(1, 0), "x", 1.03, 1.0)],
                FormattableString.Invariant($"plain {rounds.Nanoseconds(0):f3} ns, in sections {rounds.Nanoseconds(1):f3} ns")),
        ];
    }

    /// <summary>Wall clock: it is another thread that is waited for.</summary>
    public static TargetRow[] Completion(BenchSettings settings)
    {
        using DensePageTable table = WalkTargets.Mapped(GiB, Quantity.PageSize);
        using var reading = new BusyReader(table, HotPages * Quantity.PageSize);
        MedianCompletion(table, reading);
        reading.AwaitSections(WarmSections);
        long sections = reading.Sections;
        long start = Stopwatch.GetTimestamp();
        double[] medians = [.. Enumerable.Range(0, settings.Rounds).Select(_ => MedianCompletion(table, reading))];
        double perSection = Stopwatch.GetElapsedTime(start).TotalMicroseconds / (reading.Sections - sections);
        return
        [
            new TargetRow("T15", "unmap until no reader can have it, a busy reader", [new Figure("p50", Rounds.Median(medians) / Micro, "us", 2, 0.7)],
                FormattableString.Invariant($"wall clock from the call of Unmap; the reader is at 2048 hot pages, {perSection:f2} us per section of 512")),
        ];
    }

    public static TargetRow[] Dirty(BenchSettings settings)
    {
        using DensePageTable plain = WalkTargets.Mapped(GiB, Quantity.PageSize), tracking = WalkTargets.Mapped(GiB, Quantity.PageSize);
        Require(tracking.SetDirtyTracking(true));
        using TableReader reader = plain.AddReader(), noting = tracking.AddReader();
        AddressQueries queries = AddressQueries.Random(GiB, 1 << 20);
        Rounds writes = Rounds.Run(
            settings.Rounds, InSections("writes", reader, queries, DmaAccess.Write), InSections("noted writes", noting, queries, DmaAccess.Write));
        var bitmap = new ulong[(GiB >> 12) / 64];
        Func<DensePageTable, ulong[], Errno>[] ways = [ReadLive, ReadSwapped];
        Rounds clears = Rounds.Run(settings.Rounds, [.. ways.SelectMany(way => new[] { true, false }.Select(dirty => ReadAndClear(tracking, bitmap, way, dirty)))]);
        return
        [
            new TargetRow("T17", "dirty tracking, 1 GiB of 4K",
                [
                    new Figure("more per write, random", writes.Difference(1, 0), "ns", 4, 2.5),
                    new Figure("read and clear by swap, all dirty", clears.Nanoseconds(2) / Micro, "us", 2, 0.7),
                    new Figure("read and clear live, all dirty", clears.Nanoseconds(0) / Micro, "us", 15, 10),
                ],
                FormattableString.Invariant($"writes {writes.Nanoseconds(0):f2} ns, noted {writes.Nanoseconds(1):f2} ns; ")
                + FormattableString.Invariant($"nothing dirty: swap {clears.Nanoseconds(3) / Micro:f2} us, live {clears.Nanoseconds(1) / Micro:f2} us")),
        ];
    }

    private static Variant Plain(DensePageTable table, AddressQueries queries) => new("plain", () =>
    {
        int faults = 0;
        long start = ThreadTime.Nanoseconds;
        for (int i = 0; i < Sections; i++)
        {
            faults += table.Translate(queries.Window(Section), queries.Words, DmaAccess.Read, true);
        }

        return PerAddress(start, faults);
    });

    private static Variant InSections(string name, TableReader reader, AddressQueries queries, DmaAccess need) => new(name, () =>
    {
        int faults = 0;
        long start = ThreadTime.Nanoseconds;
        for (int i = 0; i < Sections; i++)
        {
            faults += reader.TryEnter() ? 0 : 1;
            faults += reader.Translate(queries.Window(Section), queries.Words, need, true);
            reader.Leave();
        }

        return PerAddress(start, faults);
    });

    private static double PerAddress(long start, int faults)
    {
        long nanoseconds = ThreadTime.Nanoseconds - start;
        return faults == 0 ? (double)nanoseconds / (Sections * Section) : throw new InvalidOperationException($"{faults} addresses did not translate.");
    }

    /// <summary>Every time at another moment of a section of a reader that was seen to run just before: one that is off its processor delays nothing.</summary>
    private static double MedianCompletion(DensePageTable table, BusyReader reading)
    {
        var ticks = new double[Completions];
        var random = new Random(11);
        for (int i = 0; i < ticks.Length; i++)
        {
            ulong iova = (ulong)(i % HotPages) * Quantity.PageSize;
            var page = new IovaRange(iova, iova + (Quantity.PageSize - 1));
            reading.AwaitSections(reading.Sections + 1);
            Thread.SpinWait(random.Next(MostSpins));
            long start = Stopwatch.GetTimestamp();
            Errno errno = table.Unmap(page);
            long epoch = table.Advance();
            while (!table.HasPassed(epoch))
            {
                Thread.SpinWait(1);
            }

            ticks[i] = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
            Require(errno | table.Map(page, iova, DmaAccess.ReadWrite));
        }

        return Rounds.Median(ticks);
    }

    private static Variant ReadAndClear(DensePageTable table, ulong[] bitmap, Func<DensePageTable, ulong[], Errno> way, bool dirty) => new("read and clear", () =>
    {
        const int Times = 8;
        long nanoseconds = 0;
        for (int i = 0; i < Times; i++)
        {
            if (dirty)
            {
                table.MarkDirty(0, GiB);
            }

            long start = ThreadTime.Nanoseconds;
            Errno errno = way(table, bitmap);
            nanoseconds += ThreadTime.Nanoseconds - start;
            Require(errno);
        }

        return (nanoseconds / (double)Times) - ThreadTime.ReadingNanoseconds;
    });

    private static Errno ReadLive(DensePageTable table, ulong[] bitmap) =>
        table.ReadDirty(new IovaRange(0, GiB - 1), Quantity.PageSize, clear: true, bitmap);

    /// <summary>Both steps; nobody is in a section, so there is nothing to wait for in between.</summary>
    private static Errno ReadSwapped(DensePageTable table, ulong[] bitmap)
    {
        Errno errno = table.TakeDirty(new IovaRange(0, GiB - 1), Quantity.PageSize, bitmap.Length);
        bool rest = errno == Errno.OK && (!table.HasPassed(table.Advance()) | table.CollectTaken(bitmap));
        return rest ? Errno.EBUSY : errno;
    }

    private static void Require(Errno errno)
    {
        if (errno != Errno.OK)
        {
            throw new InvalidOperationException($"The table answered {errno}.");
        }
    }
}
