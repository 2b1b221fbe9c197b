// The seed's sharing policy: the format is fixed at ALLOC and repeated at ATTACH; nothing ever converts or splits.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// Kevin Tian's answer in the seed mail (steps 4 and 5): page-table sharing between incompatible IOMMUs is not allowed,
/// the user creates separate IOASIDs.
/// </summary>
public static class StrictFormat
{
    /// <summary>OK, or EINVAL: the flag repeated at attach differs from the IOASID's format, or the unit cannot enforce it (v0 code 14/20).</summary>
    public static Errno CheckAttach(SnoopFormat? repeated, IoasidSpec ioasid, IommuCapabilities unit) =>
        repeated != ioasid.Format || (ioasid.EnforceSnoop && !unit.EnforceSnoop) ? Errno.EINVAL : Errno.OK;
}
