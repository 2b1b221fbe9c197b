// The seed's KVM side: only the formats of the IOASIDs count, and KVM learns of them only at KVM_UPDATE_IOASID_FD.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// Kevin Tian's predicate (seed mail, step 6): all devices of an IOASID share one snoop requirement, so an fd makes a VM's DMA
/// non-coherent exactly while it has a no-snoop IOASID, with or without devices.
/// </summary>
public static class FormatOnly
{
    public static readonly KvmSide Side = new("format-only", "Kevin Tian, 4 June 2021 (seed, step 6)", KvmTrigger.Update, (fd, _) => IsNoncoherent(fd));

    /// <summary>What <c>ioasidfd_for_each_ioasid()</c> finds: does any IOASID make DMA non-coherent?</summary>
    private static bool IsNoncoherent(FdState fd)
    {
        bool noncoherent = false;
        ForEachIoasid(fd, ioasid => noncoherent |= ioasid.HasPlain);
        return noncoherent;
    }

    /// <summary><c>ioasidfd_for_each_ioasid()</c>: calls <paramref name="visit"/> once for every live IOASID, within one turn of the fd.</summary>
    private static void ForEachIoasid(FdState fd, Action<IoasidEntry> visit)
    {
        foreach (IoasidEntry ioasid in fd.Ioasids.Values)
        {
            visit(ioasid);
        }
    }
}
