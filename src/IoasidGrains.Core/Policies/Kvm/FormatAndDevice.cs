// Alex Williamson's predicate at the seed's verb: a no-snoop IOASID counts only while a device is attached that may use it.
namespace IoasidGrains.Core;

/// <summary>Alex Williamson, 4 June 2021 (m243), evaluated at KVM_UPDATE_IOASID_FD: attach and detach need an update then too.</summary>
public static class FormatAndDevice
{
    public static readonly KvmSide Side = new("format-and-device", "Alex Williamson, 4 June 2021", KvmTrigger.Update, (fd, _) => fd.HasNoncoherentDevice);
}
