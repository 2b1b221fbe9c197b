// T11 and T16: map and unmap call by call, beside C's own radix table and red-black tree.
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>Both targets name kernel code, which is not ours to include: figures, no verdict.</summary>
internal static class PairTargets
{
    private const ulong MiB2 = 2UL << 20;
    private const int Times = 8192;

    public static TargetRow[] PerCall(BenchSettings settings, CReference? c)
    {
        const string What = "map + unmap per call / C radix, tables present";
        Figure[] none = [.. Cases.Select(item => new Figure(item.Name, null, "x", 0.5, 0.2))];
        if (c is null)
        {
            return [TargetRow.Skipped("T11", What, "no gcc", none)];
        }

        var figures = new List<Figure>();
        var notes = new List<string>();
        foreach ((string name, long pages, int level) in Cases)
        {
            using DensePageTable table = new(48, enforceSnoop: true, Quantity.PageSize | MiB2);
            using var radix = new CRadix(c, tables: 64);

            // A page in front keeps the tables there between the calls; the pages themselves begin one page further, or at their own alignment.
            ulong start = ChurnRing.Start + (level == 1 ? Quantity.PageSize : MiB2);
            table.Map(new IovaRange(ChurnRing.Start, ChurnRing.Start + 4095), 0, DmaAccess.ReadWrite);
            radix.Map(ChurnRing.Start, 1);
            Rounds rounds = Rounds.Run(settings.Rounds, Ours(table, start, pages * (level == 1 ? 4096 : (long)MiB2)), radix.Pairs(start, pages, level, Times));
            figures.Add(new Figure(name, rounds.Ratio(0, 1), "x", 0.5, 0.2));
            notes.Add(FormattableString.Invariant($"{rounds.Nanoseconds(0):f1} / {rounds.Nanoseconds(1):f1} ns"));
        }

        return [new TargetRow("T11", What, [.. figures], "pairs, ours / C: " + string.Join(", ", notes), Judged: false)];
    }

    public static TargetRow[] Churn(BenchSettings settings, CReference? c)
    {
        const string What = "churn pair, 512 in flight / C red-black tree";
        if (c is null)
        {
            return [TargetRow.Skipped("T16", What, "no gcc", new Figure("ours / C", null, "x", 0.4, 0.2))];
        }

        using DensePageTable table = new(48, enforceSnoop: true, Quantity.PageSize);
        using var tree = new CTree(c, nodes: 2 * ChurnRing.Pages);
        foreach (ulong iova in ChurnRing.Iovas)
        {
            table.Map(new IovaRange(iova, iova + 4095), 0, DmaAccess.ReadWrite);
            tree.Map(iova);
        }

        Rounds rounds = Rounds.Run(settings.Rounds, ChurnOf(table), tree.Churn);
        return
        [
            new TargetRow("T16", What, [new Figure("ours / C", rounds.Ratio(0, 1), "x", 0.4, 0.2)],
                FormattableString.Invariant($"ours {rounds.Nanoseconds(0):f1} ns, C {rounds.Nanoseconds(1):f1} ns"), Judged: false),
        ];
    }

    public static Variant ChurnOf(DensePageTable table) => new("ours", () =>
    {
        ulong[] ring = ChurnRing.Iovas;
        Errno errno = Errno.OK;
        long start = ThreadTime.Nanoseconds;
        for (int i = 0, at = 0; i < ChurnRing.Pairs; i++, at = at + 1 == ring.Length ? 0 : at + 1)
        {
            var page = new IovaRange(ring[at], ring[at] + 4095);
            errno |= table.Unmap(page);
            errno |= table.Map(page, (ulong)i << 12, DmaAccess.ReadWrite);
        }

        long nanoseconds = ThreadTime.Nanoseconds - start;
        return errno == Errno.OK ? (double)nanoseconds / ChurnRing.Pairs : throw new InvalidOperationException($"The table answered {errno}.");
    });

    private static (string Name, long Pages, int Level)[] Cases => [("1 x 4K", 1, 1), ("256 x 4K", 256, 1), ("256 x 2M", 256, 2)];

    private static Variant Ours(DensePageTable table, ulong start, long bytes) => new("ours", () =>
    {
        var range = new IovaRange(start, start + (ulong)bytes - 1);
        Errno errno = Errno.OK;
        long begin = ThreadTime.Nanoseconds;
        for (int i = 0; i < Times; i++)
        {
            errno |= table.Map(range, range.Start, DmaAccess.ReadWrite);
            errno |= table.Unmap(range);
        }

        long nanoseconds = ThreadTime.Nanoseconds - begin;
        return errno == Errno.OK ? (double)nanoseconds / Times : throw new InvalidOperationException($"The table answered {errno}.");
    });
}
