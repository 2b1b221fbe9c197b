// A format per mapping, as IOMMU_CACHE is a flag per mapping.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// Raised by Alex Williamson (m208), left open in RFC v2, never built: MAP says snoop or no_snoop, and so do its leaves (without a flag as ALLOC said). A snoop mapping and a
/// device whose unit cannot enforce exclude each other. KVM honours wbinvd while some device can reach a plain leaf with no-snoop.
/// </summary>
public static class PerMapping
{
    public static readonly SharingPolicy Policy = new("per-mapping snoop flag", [SnoopFormat.Snoop, SnoopFormat.NoSnoop], Attach)
    {
        FormatPerMapping = true,
        Map = Map,
    };

    private static Placement Attach(Joining joining) =>
        !joining.CanEnforce && joining.Ioasid.Areas.All.Any(joining.Ioasid.Spec.Enforces) ? Placement.Incompatible
            : Placement.FirstOrNew(joining, _ => true, enforceSnoop: false);

    private static Errno Map(IoasidEntry ioasid, BoundDevice[] attached, Area area) =>
        ioasid.Spec.Enforces(area) && attached.Any(device => !device.Unit.EnforceSnoop) ? Errno.EINVAL : Errno.OK;
}
