// The window of a workload in whole pages; where the patterns place their rings and their data.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>What of a window is whole pages of 4 KiB, which is all that a pattern touches.</summary>
/// <param name="Start">The first byte.</param>
/// <param name="Pages">512 at least; of the whole 2^64 there are 2^52.</param>
internal readonly record struct PatternWindow(ulong Start, ulong Pages)
{
    public static PatternWindow Of(IovaRange range) =>
        new(range.Start, ((range.Last - range.Start - (Quantity.PageSize - 1)) / Quantity.PageSize) + 1);

    public ulong PageAt(ulong page) => Start + (page * Quantity.PageSize);

    /// <summary>How many pages so many bytes take.</summary>
    public static ulong PagesOf(ulong bytes) => (bytes + Quantity.PageSize - 1) / Quantity.PageSize;
}
