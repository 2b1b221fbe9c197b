// T13 and the issue's other memory figures: what the kernel says is resident, not what we think we use.
using System.Globalization;
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>Table memory is weighed as the resident part of its own mappings; managed bytes as the collector counts them.</summary>
internal static class MemoryTargets
{
    private const ulong GiB = 1UL << 30, Small = Quantity.PageSize, Large = Small | (2UL << 20), Giant = Large | GiB;
    private const ulong MostTables = 8 * GiB;
    private const double MiB = 1 << 20, KiB = 1 << 10;
    private const int EmptyTables = 100_000;

    public static TargetRow[] PerGiB()
    {
        double small = Resident(64 * GiB, Small) / 64;
        double large = Resident(512 * GiB, Large) / 512;
        double giant = Resident(512 * GiB, Giant) / 512;
        return
        [
            new TargetRow("T13", "resident bytes per mapped GiB",
                [
                    new Figure("4K, of 64 GiB", small / MiB, "MiB", 2.05, null),
                    new Figure("2M, of 512 GiB", large / KiB, "KiB", 4.5, null),
                    new Figure("1G, of 512 GiB", giant / KiB, "KiB", 4.5, null),
                ]),
        ];
    }

    public static MemoryRow[] Issue()
    {
        var rows = new List<MemoryRow>();
        if (MachineFacts.AvailableBytes() > 4 * GiB)
        {
            rows.Add(new MemoryRow("1 TiB mapped as 4K", Resident(1024 * GiB, Small), 2.1 * GiB));
        }

        double empty = Empty(EmptyTables);
        rows.Add(new MemoryRow("an empty page table", empty / EmptyTables, 64 * KiB));
        rows.Add(new MemoryRow("100,000 empty page tables", empty, 8.0 * GiB));
        rows.Add(new MemoryRow("a page table with one page of 4K", Resident(Quantity.PageSize, Small), 64 * KiB));
        return [.. rows];
    }

    private static double Resident(ulong bytes, ulong pageSizes)
    {
        using var memory = new TableMemory(MostTables);
        using var table = new DensePageTable(48, enforceSnoop: true, pageSizes, memory);
        if (table.Map(new IovaRange(0, bytes - 1), 0, DmaAccess.ReadWrite) != Errno.OK)
        {
            throw new InvalidOperationException("Map refused.");
        }

        return ResidentAt((ulong)table.Raw.Start);
    }

    private static double Empty(int count)
    {
        using var memory = new TableMemory(MostTables);
        using var one = new DensePageTable(48, enforceSnoop: true, Giant, memory);
        double before = GC.GetTotalMemory(forceFullCollection: true) + ResidentAt((ulong)one.Raw.Start);
        DensePageTable[] tables = [.. Enumerable.Range(0, count).Select(_ => new DensePageTable(48, enforceSnoop: true, Giant, memory))];
        double after = GC.GetTotalMemory(forceFullCollection: true) + ResidentAt((ulong)one.Raw.Start);
        Array.ForEach(tables, table => table.Dispose());
        return after - before;
    }

    /// <summary>
    /// Of the mappings in the reservation of a TableMemory: its chunks, one more, and behind them a record of 8 bytes per table and a link per chunk.
    /// </summary>
    private static double ResidentAt(ulong start)
    {
        ulong chunks = (MostTables / TableMemory.ChunkBytes) + 1;
        ulong end = start + (chunks * (TableMemory.ChunkBytes + (TableMemory.TablesPerChunk * 8) + 8));
        double kilobytes = 0;
        bool inside = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            string first = line.Split(' ', 2)[0];
            string[] addresses = first.Split('-');
            if (addresses.Length == 2 && ulong.TryParse(addresses[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong from))
            {
                inside = from >= start && from < end;
            }
            else if (inside && first == "Rss:")
            {
                kilobytes += double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
            }
        }

        return kilobytes * KiB;
    }
}
