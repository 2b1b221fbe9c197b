// T14 and T15: what reading in sections costs, and how soon an unmap is complete.
using System.Diagnostics;
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>Readers read in sections of 512 translations.</summary>
internal static class ReaderTargets
{
    private const ulong GiB = 1UL << 30;
    private const int HotPages = 2048, Sections = 256, PerRound = 20_000, WarmSections = 200_000, MostSpins = 64;
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

    /// <summary>Wall clock: it is another thread that is waited for. The value is the middle one of all rounds' medians.</summary>
    public static TargetRow[] Completion(BenchSettings settings)
    {
        using DensePageTable table = WalkTargets.Mapped(GiB, Quantity.PageSize);
        using var reading = new BusyReader(table, HotPages * Quantity.PageSize, DmaAccess.Read);
        Complete(table, reading);
        reading.AwaitSections(WarmSections);
        long sections = reading.Sections;
        long start = Stopwatch.GetTimestamp();
        Completions[] rounds = [.. Enumerable.Range(0, settings.Rounds).Select(_ => Complete(table, reading))];
        double perSection = Stopwatch.GetElapsedTime(start).TotalMicroseconds / (reading.Sections - sections);
        double p99 = Rounds.Median([.. rounds.Select(round => round.P99)]) / Micro;
        return
        [
            new TargetRow("T15", "unmap until no reader can have it, a busy reader",
                [new Figure("p50", Rounds.Median([.. rounds.Select(round => round.P50)]) / Micro, "us", 2, 0.7)],
                FormattableString.Invariant($"p99 {p99:f2} us; wall clock from the call of Unmap; the reader is at 2048 hot pages, {perSection:f2} us per section of 512; ")
                + FormattableString.Invariant($"it was seen to end a section just before each, and in {100 * rounds.Average(round => round.Waited):f0} % it was in one and was waited for")),
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

    public static Variant InSections(string name, TableReader reader, AddressQueries queries, DmaAccess need) => new(name, () =>
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
    private static Completions Complete(DensePageTable table, BusyReader reading)
    {
        var ticks = new double[PerRound];
        int waited = 0;
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
            int looks = 0;
            for (; !table.HasPassed(epoch); looks++)
            {
                Thread.SpinWait(1);
            }

            ticks[i] = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
            waited += looks > 0 ? 1 : 0;
            Require(errno | table.Map(page, iova, DmaAccess.ReadWrite));
        }

        Array.Sort(ticks);
        return new Completions(ticks[ticks.Length / 2], ticks[ticks.Length * 99 / 100], (double)waited / ticks.Length);
    }

    public static void Require(Errno errno)
    {
        if (errno != Errno.OK)
        {
            throw new InvalidOperationException($"The table answered {errno}.");
        }
    }

    /// <summary>Nanoseconds, and the part of them in which the reader was in a section.</summary>
    private readonly record struct Completions(double P50, double P99, double Waited);
}
