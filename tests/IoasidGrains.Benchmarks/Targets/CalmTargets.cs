// T18: a long run of map, unmap, translation and dirty tracking that leaves the collector nothing to do.
using System.Diagnostics;
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>Counts what this thread allocated, and all collections of the process.</summary>
internal static class CalmTargets
{
    private const ulong GiB = 1UL << 30;

    public static TargetRow[] Run(BenchSettings settings)
    {
        using DensePageTable table = WalkTargets.Mapped(GiB, Quantity.PageSize);
        using TableReader reader = table.AddReader();
        AddressQueries queries = AddressQueries.Random(GiB, 1 << 18);
        var bitmap = new ulong[(GiB >> 12) / 64];
        bool sound = table.SetDirtyTracking(true) == Errno.OK && Turn(table, reader, queries, bitmap);
        GC.Collect();

        long calls = 0;
        int collections = Collections();
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < settings.CalmRun)
        {
            sound &= Turn(table, reader, queries, bitmap);
            calls += CallsPerTurn;
        }

        double perCall = (double)(GC.GetAllocatedBytesForCurrentThread() - bytes) / calls;
        collections = Collections() - collections;
        return sound
            ? [
                new TargetRow("T18", FormattableString.Invariant($"{settings.CalmRun.TotalSeconds:f0} s of churn, translation and dirty tracking"),
                    [new Figure("bytes allocated per call", perCall, "B", 0, null), new Figure("garbage collections", collections, "", 0, null)],
                    FormattableString.Invariant($"{calls / 1e6:f0} million calls")),
            ]
            : throw new InvalidOperationException("A call of the long run was refused.");
    }

    /// <summary>Per page of the ring an unmap, an epoch and a map; per round of the ring a section of writes and a dirty query.</summary>
    private static int CallsPerTurn => (3 * ChurnRing.Pages) + 2;

    private static bool Turn(DensePageTable table, TableReader reader, AddressQueries queries, ulong[] bitmap)
    {
        Errno errno = Errno.OK;
        foreach (ulong start in ChurnRing.Iovas)
        {
            ulong iova = start - ChurnRing.Start;
            var page = new IovaRange(iova, iova + (Quantity.PageSize - 1));
            errno |= table.Unmap(page);
            table.Advance();
            errno |= table.Map(page, iova, DmaAccess.ReadWrite);
        }

        bool entered = reader.TryEnter();
        int faults = reader.Translate(queries.Window(TableReader.MaxTranslations), queries.Words, DmaAccess.Write, true);
        reader.Leave();
        errno |= table.ReadDirty(new IovaRange(0, GiB - 1), Quantity.PageSize, clear: true, bitmap);
        return entered && faults == 0 && errno == Errno.OK;
    }

    private static int Collections() => Enumerable.Range(0, GC.MaxGeneration + 1).Sum(GC.CollectionCount);
}
