// T17: what noting writes costs, and reading and forgetting what was written; and the same beside a device that goes on writing.
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>
/// The row's figures are taken as the target's were (performance 4.5): one processor notes, reads and clears. Beside a device on another processor each cache
/// line of the bits, 512 of them per GiB, has to be won back from that one; what that makes is in the note.
/// </summary>
internal static class DirtyTargets
{
    private const ulong GiB = 1UL << 30;
    private const double Micro = 1e3;

    /// <summary>About one write per page of 1 GiB.</summary>
    private const int SectionsForAll = (int)(GiB >> 12) / TableReader.MaxTranslations;

    private static readonly IovaRange All = new(0, GiB - 1);

    public static TargetRow[] Run(BenchSettings settings)
    {
        using DensePageTable plain = WalkTargets.Mapped(GiB, Quantity.PageSize), tracking = WalkTargets.Mapped(GiB, Quantity.PageSize);
        ReaderTargets.Require(tracking.SetDirtyTracking(true));
        Figures alone = Measure(settings, plain, tracking, null), beside;
        using (var writing = new BusyReader(tracking, GiB, DmaAccess.Write))
        {
            beside = Measure(settings, plain, tracking, writing);
        }

        return
        [
            new TargetRow("T17", "dirty tracking, 1 GiB of 4K, one processor",
                [
                    new Figure("more per write, random", alone.PerWrite, "ns", 4, 2.5),
                    new Figure("read and clear by swap, all dirty", alone.Swap, "us", 2, 0.7),
                    new Figure("read and clear live, all dirty", alone.Live, "us", 15, 10),
                ],
                FormattableString.Invariant($"beside a device that writes all of it: {beside.PerWrite:f2} ns more per write, swap {beside.Swap:f2} us, live {beside.Live:f2} us; ")
                + FormattableString.Invariant($"nothing dirty: swap {alone.SwapClean:f2} us, live {alone.LiveClean:f2} us")),
        ];
    }

    private static Figures Measure(BenchSettings settings, DensePageTable plain, DensePageTable tracking, BusyReader? writing)
    {
        using TableReader reader = plain.AddReader(), noting = tracking.AddReader();
        AddressQueries queries = AddressQueries.Random(GiB, 1 << 20);
        Rounds writes = Rounds.Run(
            settings.Rounds, ReaderTargets.InSections("writes", reader, queries, DmaAccess.Write),
            ReaderTargets.InSections("noted writes", noting, queries, DmaAccess.Write));
        var bitmap = new ulong[(GiB >> 12) / 64];
        Variant Clear(Func<double> clear, bool dirty) => new("read and clear", () => Repeated(tracking, writing, clear, dirty));
        double Swap() => ReadSwapped(tracking, bitmap);
        double Live() => ReadLive(tracking, bitmap);
        Rounds clears = Rounds.Run(settings.Rounds, Clear(Swap, true), Clear(Live, true), Clear(Swap, false), Clear(Live, false));
        return new Figures(
            writes.Difference(1, 0), clears.Nanoseconds(0) / Micro, clears.Nanoseconds(1) / Micro, clears.Nanoseconds(2) / Micro, clears.Nanoseconds(3) / Micro);
    }

    /// <summary>Before each, all is marked, and looked at by the device that writes: its processor's caches have what is to be cleared.</summary>
    private static double Repeated(DensePageTable table, BusyReader? writing, Func<double> clear, bool dirty)
    {
        const int Times = 8;
        double nanoseconds = 0;
        for (int i = 0; i < Times; i++)
        {
            if (dirty)
            {
                table.MarkDirty(0, GiB);
                writing?.AwaitSections(writing.Sections + SectionsForAll);
            }

            nanoseconds += clear();
        }

        return nanoseconds / Times;
    }

    private static double ReadLive(DensePageTable table, ulong[] bitmap)
    {
        long start = ThreadTime.Nanoseconds;
        Errno errno = table.ReadDirty(All, Quantity.PageSize, clear: true, bitmap);
        long nanoseconds = ThreadTime.Nanoseconds - start;
        ReaderTargets.Require(errno);
        return nanoseconds - ThreadTime.ReadingNanoseconds;
    }

    /// <summary>Both steps, without the time that a reader takes to leave its section in between: that is T15's.</summary>
    private static double ReadSwapped(DensePageTable table, ulong[] bitmap)
    {
        long start = ThreadTime.Nanoseconds;
        Errno errno = table.TakeDirty(All, Quantity.PageSize, bitmap.Length);
        long epoch = table.Advance();
        long waited = table.HasPassed(epoch) ? 0 : Wait(table, epoch);
        bool live = table.CollectTaken(bitmap);
        long nanoseconds = ThreadTime.Nanoseconds - start;
        ReaderTargets.Require(live ? Errno.EBUSY : errno);
        return nanoseconds - waited - ThreadTime.ReadingNanoseconds;
    }

    private static long Wait(DensePageTable table, long epoch)
    {
        long start = ThreadTime.Nanoseconds;
        while (!table.HasPassed(epoch))
        {
            Thread.SpinWait(1);
        }

        return ThreadTime.Nanoseconds - start;
    }

    /// <summary>Nanoseconds, then microseconds.</summary>
    private readonly record struct Figures(double PerWrite, double Swap, double Live, double SwapClean, double LiveClean);
}
