// The counters that compare shows, in one order for text, JSON and the page.
namespace IoasidGrains.Console;

/// <summary>Names and values of a run's counters.</summary>
internal static class CompareCosts
{
    /// <summary>As JSON has them.</summary>
    public static readonly string[] Names =
    [
        "corrupted_bytes", "wbinvd_executed", "wbinvd_ignored", "caches_flushed", "ept_zaps", "ptes_written", "tables_made", "conversions", "invalidations", "pinned_twice",
    ];

    /// <summary>Headings that fit a terminal.</summary>
    public static readonly string[] Short = ["WRONG", "WBINVD", "IGNORED", "FLUSHED", "ZAPS", "PTES", "TABLES", "CONV", "INVAL", "TWICE"];

    public static long[] Of(ComparedRun run) =>
    [
        run.WrongBytes, run.Vms.WbinvdExecuted, run.Vms.WbinvdIgnored, run.Vms.CachesFlushed, run.Vms.EptZaps,
        run.Fds.PtesWritten, run.Fds.TablesMade, run.Fds.Conversions, run.Fds.Invalidations, run.Fds.PagesPinnedTwice,
    ];
}
