// The seed's sharing policy: the format is fixed at ALLOC and repeated at ATTACH; nothing ever converts or splits.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// Kevin Tian's answer in the seed mail (4 June 2021, steps 4 and 5): page-table sharing between incompatible IOMMUs is not allowed,
/// the user creates separate IOASIDs.
/// </summary>
public static class StrictFormat
{
    public static readonly SharingPolicy Policy = new("strict format", [SnoopFormat.Snoop, SnoopFormat.NoSnoop], Attach)
    {
        AttachFlags = [SnoopFormat.Snoop, SnoopFormat.NoSnoop],
    };

    /// <summary>EINVAL: the flag repeated at attach differs from the IOASID's format, or the unit cannot enforce it (v0 code 14/20).</summary>
    private static Placement Attach(Joining joining)
    {
        bool enforce = joining.Ioasid.Spec.EnforceSnoop;
        return joining.Flag != joining.Ioasid.Spec.Format || (enforce && !joining.CanEnforce) ? Placement.Incompatible
            : Placement.FirstOrNew(joining, _ => true, enforce);
    }
}
