// What the policy of an ioasid_fd has cost so far; follows from its log, so it is the same on every runner and survives the loss of every object.
namespace IoasidGrains.Uapi;

/// <summary>Counters of one ioasid_fd.</summary>
/// <param name="PtesWritten">Leaf entries set or rewritten: by MAP in every table of the IOASID, by filling a new table, by converting one. Clearing is not counted.</param>
/// <param name="TablesMade">Page tables made.</param>
/// <param name="Conversions">Tables that changed their format under their devices.</param>
/// <param name="Invalidations">IOTLB and device-TLB invalidations awaited: one per device of a table at UNMAP and at a conversion, one at DETACH.</param>
/// <param name="PagesPinnedTwice">4 KiB pages pinned at this moment more than once, because IOASIDs of different tables map the same memory.</param>
[GenerateSerializer, Immutable]
public sealed record FdCosts(long PtesWritten, long TablesMade, long Conversions, long Invalidations, long PagesPinnedTwice) : Outputs
{
    public static readonly FdCosts None = new(0, 0, 0, 0, 0);

    /// <summary>Of two fds together.</summary>
    public FdCosts Plus(FdCosts other) => new(
        PtesWritten + other.PtesWritten, TablesMade + other.TablesMade, Conversions + other.Conversions, Invalidations + other.Invalidations,
        PagesPinnedTwice + other.PagesPinnedTwice);

    public override string Text =>
        $"ptes_written={PtesWritten} tables_made={TablesMade} conversions={Conversions} invalidations={Invalidations} pinned_twice={PagesPinnedTwice}";
}
