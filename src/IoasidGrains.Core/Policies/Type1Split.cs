// VFIO type1: one list of mappings, one domain per format.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// drivers/vfio/vfio_iommu_type1.c since v5.19: a fresh domain enforces iff the unit can; a group joins an existing domain of the same ops and the same enforce
/// flag, else the mappings are replayed into the new one. The flag never changes; a domain goes with its last group.
/// </summary>
public static class Type1Split
{
    public static readonly SharingPolicy Policy = new("type1 auto-split", [], Attach) { DropsEmptyTables = true };

    private static Placement Attach(Joining joining) => Place(joining, joining.CanEnforce);

    /// <summary>The domain with this flag that the unit can walk, or a new one.</summary>
    public static Placement Place(Joining joining, bool enforce) =>
        Placement.FirstOrNew(joining, table => table.EnforceSnoop == enforce && table.Fits(joining.Device), enforce);
}
