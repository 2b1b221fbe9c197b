// The cost counters that compare shows, in one order for text, JSON and the page.
namespace IoasidGrains.Console;

/// <summary>Names and values of a run's costs.</summary>
internal static class CompareCosts
{
    public static readonly string[] Names = ["ptes", "tables", "converted", "invalidated", "pinned_twice"];

    public static long[] Of(ComparedRun run) =>
        [run.Costs.PtesWritten, run.Costs.TablesMade, run.Costs.Conversions, run.Costs.Invalidations, run.Costs.PagesPinnedTwice];
}
