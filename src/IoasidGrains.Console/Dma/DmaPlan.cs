// What is mapped where for the workloads of `ioasid dma`; made of the choice alone, carried out by DmaBed.
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>Addresses that are mapped for the whole time.</summary>
/// <param name="Offset">Where in the memory of the process.</param>
internal readonly record struct PlannedArea(IovaRange Range, ulong Offset);

/// <summary>Addresses of which some are mapped and some are not, and which they are changes.</summary>
internal readonly record struct ChurnRing(ulong Iova, ulong Offset, ulong PageSize, int Pages)
{
    public IovaRange Range => new(Iova, Iova + ((ulong)Pages * PageSize) - 1);
}

/// <summary>
/// A window from 4 GiB on, above the interrupt window; if pages are churned they stand first, so that the rings of a workload lie on them.
/// A trace is mapped where it goes.
/// </summary>
internal sealed record DmaPlan(DmaPattern Pattern, PlannedArea[] Areas, IovaRange Window, ChurnRing? Churn, int AddressWidth)
{
    private const ulong Start = 4UL << 30;

    /// <summary>How many pages are churned at most, and at least; between them as many as this many bytes hold.</summary>
    private const ulong MostChurned = 1024, LeastChurned = 4, ChurnBytes = 128UL << 20;

    private const int UsualWidth = 48;
    private const int LargestWidth = 57;

    public ulong MappedBytes => Areas.Aggregate(0UL, (sum, area) => sum + area.Range.Length);

    public static DmaPlan Of(DmaChoice choice)
    {
        ulong churned = choice.Churn is null ? 0 : Math.Clamp(ChurnBytes / choice.PageSize, LeastChurned, MostChurned) * choice.PageSize;
        return choice.Trace is { } trace ? OfTrace(choice, trace) : OfWindow(choice, churned);
    }

    /// <summary>What each device does; they differ in their seed.</summary>
    public DmaWorkload WorkloadOf(DmaChoice choice, int device) => new(Pattern, Window, choice.Accesses ?? long.MaxValue, choice.Seed + (ulong)device)
    {
        Depth = choice.Depth,
        Trace = choice.Trace,
        WatchFreed = Churn is not null,
    };

    private static DmaPlan OfWindow(DmaChoice choice, ulong churned)
    {
        ulong size = AlignUp(choice.Size, choice.PageSize);
        var area = new PlannedArea(new IovaRange(Start + churned, Start + churned + size - 1), 0);
        ChurnRing? churn = churned == 0 ? null : new ChurnRing(Start, size, choice.PageSize, (int)(churned / choice.PageSize));
        return new DmaPlan(choice.Pattern, [area], new IovaRange(Start, area.Range.Last), churn, UsualWidth);
    }

    /// <summary>Nothing is churned: a recording does not go where the churn would have to be.</summary>
    private static DmaPlan OfTrace(DmaChoice choice, DmaTrace trace)
    {
        IovaRange[] ranges = TraceRanges.Of(trace, Math.Max(choice.PageSize, TraceRanges.Granule));
        if (ranges.Length == 0 || ranges[^1].Last >> LargestWidth != 0)
        {
            string where = ranges.Length == 0 ? $"all in the interrupt window {Quantity.InterruptWindow}" : $"past the {LargestWidth} bits of the widest page table";
            throw new ConsoleException($"the trace cannot be mapped: its addresses are {where}.");
        }

        var areas = new PlannedArea[ranges.Length];
        ulong offset = 0;
        for (int i = 0; i < ranges.Length; i++)
        {
            // Same place in a large page on both sides, so that large pages can be used.
            offset = AlignUp(offset, choice.PageSize) + (ranges[i].Start & (choice.PageSize - 1));
            areas[i] = new PlannedArea(ranges[i], offset);
            offset += ranges[i].Length;
        }

        int width = ranges[^1].Last >> UsualWidth == 0 ? UsualWidth : LargestWidth;
        return new DmaPlan(choice.Pattern, areas, default, null, width);
    }

    private static ulong AlignUp(ulong value, ulong to) => (value + to - 1) & ~(to - 1);
}
