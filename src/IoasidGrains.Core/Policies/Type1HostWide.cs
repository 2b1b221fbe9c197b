// VFIO type1 when VT-d gave one answer for the whole host.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// v3.18 to v5.18 on VT-d: IOMMU_CAP_CACHE_COHERENCY was true only if every active unit of the host had Snoop Control, so one unit without it made all domains plain,
/// and type1 never split (e22-4).
/// </summary>
public static class Type1HostWide
{
    public static readonly SharingPolicy Policy = new("type1, host-wide answer", [], Attach) { DropsEmptyTables = true };

    private static Placement Attach(Joining joining) => Type1Split.Place(joining, joining.HostEnforces);
}
