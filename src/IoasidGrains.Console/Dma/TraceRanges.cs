// Which addresses must be mapped so that a trace can be replayed; used by DmaPlan.
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>Large pieces, so that a scattered trace does not need a mapping per page.</summary>
internal static class TraceRanges
{
    public const ulong Granule = 2UL << 20;

    /// <summary>The pieces that any access touches, neighbours joined, in order, without the interrupt window.</summary>
    public static IovaRange[] Of(DmaTrace trace, ulong granule)
    {
        var pieces = new SortedSet<ulong>();
        for (int i = 0; i < trace.Iovas.Length; i++)
        {
            pieces.Add(trace.Iovas[i] / granule);
            pieces.Add((trace.Iovas[i] + (ulong)(trace.Lengths[i] - 1)) / granule);
        }

        var ranges = new List<IovaRange>();
        foreach (ulong piece in pieces)
        {
            var range = new IovaRange(piece * granule, (piece * granule) + (granule - 1));
            if (ranges.Count > 0 && ranges[^1].Last + 1 == range.Start)
            {
                range = new IovaRange(ranges[^1].Start, range.Last);
                ranges.RemoveAt(ranges.Count - 1);
            }

            ranges.Add(range);
        }

        return [.. ranges.SelectMany(WithoutInterrupts)];
    }

    private static IEnumerable<IovaRange> WithoutInterrupts(IovaRange range)
    {
        IovaRange hole = Quantity.InterruptWindow;
        return !range.Overlaps(hole) ? [range]
            : new[] { new IovaRange(range.Start, hole.Start - 1), new IovaRange(hole.Last + 1, range.Last) }.Where(part => part.Start <= part.Last && range.Contains(part));
    }
}
