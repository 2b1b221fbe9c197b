// Intervals of IOVAs that touch, kept as one each; used by IoPages to find a free place without a walk over every area.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>An immutable set of IOVAs. What is added must not be in it yet, what is removed must be.</summary>
public sealed record IovaRuns(ImmutableList<IovaRange> Ranges)
{
    public static readonly IovaRuns Empty = new([]);

    public static IovaRuns Of(IEnumerable<IovaRange> ranges) => ranges.Aggregate(Empty, (all, range) => all.Add(range));

    /// <summary>Index of the first run that ends at or after an IOVA.</summary>
    public int FirstEndingAtOrAfter(ulong iova)
    {
        int index = Ranges.BinarySearch(new IovaRange(iova, iova));
        if (index >= 0)
        {
            return index;
        }

        index = ~index;
        return index > 0 && Ranges[index - 1].Last >= iova ? index - 1 : index;
    }

    public IovaRuns Add(IovaRange range)
    {
        int index = FirstEndingAtOrAfter(range.Start);
        ImmutableList<IovaRange> ranges = Ranges;
        if (index < ranges.Count && range.Last != ulong.MaxValue && ranges[index].Start == range.Last + 1)
        {
            range = range with { Last = ranges[index].Last };
            ranges = ranges.RemoveAt(index);
        }

        bool touches = index > 0 && ranges[index - 1].Last + 1 == range.Start;
        return new IovaRuns(touches ? ranges.SetItem(index - 1, ranges[index - 1] with { Last = range.Last }) : ranges.Insert(index, range));
    }

    public IovaRuns Remove(IovaRange range)
    {
        int index = FirstEndingAtOrAfter(range.Start);
        IovaRange run = Ranges[index];
        ImmutableList<IovaRange> ranges = Ranges.RemoveAt(index);
        ranges = run.Last == range.Last ? ranges : ranges.Insert(index, new IovaRange(range.Last + 1, run.Last));
        return new IovaRuns(run.Start == range.Start ? ranges : ranges.Insert(index, new IovaRange(run.Start, range.Start - 1)));
    }
}
