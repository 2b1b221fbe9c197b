// Alex Williamson's model: an IOASID is created coherent or non-coherent.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// Alex Williamson, 4 June 2021: into a coherent IOASID only devices come whose units all enforce; anything attaches to a non-coherent one. wbinvd is
/// allowed while a possibly non-coherent device is attached to a non-coherent IOASID, and permission is withdrawn with the last of them (m243, m257).
/// </summary>
public static class CoherentIoasid
{
    public static readonly SharingPolicy Policy = new("coherent / non-coherent IOASID", [SnoopFormat.Snoop, SnoopFormat.NoSnoop], Attach);

    private static Placement Attach(Joining joining)
    {
        bool coherent = joining.Ioasid.Spec.EnforceSnoop;
        return coherent && !joining.CanEnforce ? Placement.Incompatible : Placement.FirstOrNew(joining, _ => true, coherent);
    }
}
