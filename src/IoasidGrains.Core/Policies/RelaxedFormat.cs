// RFC v2's sharing policy: the format is an attribute of the IOASID, a plain one takes every device, and auto is decided by the first.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// RFC v2 (9 July 2021) 1.5: enable, disable or auto at ALLOC. Any device may attach to an IOASID that does not enforce; one whose unit cannot force snoop
/// is refused by one that does. At ATTACH the user may hint that the device will not use no-snoop here; without a hint it counts as if it did.
/// Auto is fixed by the first device, from then until FREE (v2 leaves that open).
/// </summary>
public static class RelaxedFormat
{
    public static readonly SharingPolicy Policy = new("relaxed format", [SnoopFormat.Snoop, SnoopFormat.NoSnoop, SnoopFormat.Auto], Attach)
    {
        AttachFlags = [SnoopFormat.Snoop, SnoopFormat.NoSnoop],
    };

    private static Placement Attach(Joining joining)
    {
        bool enforce = joining.Only?.EnforceSnoop ?? (joining.Ioasid.Spec.Auto ? joining.CanEnforce : joining.Ioasid.Spec.EnforceSnoop);
        return enforce && !joining.CanEnforce ? Placement.Incompatible
            : Placement.FirstOrNew(joining, _ => true, enforce) with { PromisesSnoop = !enforce && joining.Flag == SnoopFormat.Snoop };
    }
}
