// KVM is told by the user, device by device.
namespace IoasidGrains.Core;

/// <summary>
/// Jason Gunthorpe, 4 June 2021 (m227): KVM_ALLOW_INCOHERENT_DMA(fd, device) and KVM_DISALLOW_INCOHERENT_DMA; no callbacks, nothing follows by itself. A mismatch with the formats
/// is the user's bug. Paolo Bonzini refused it: KVM must never be told to enable wbinvd (m318).
/// </summary>
public static class AllowDisallow
{
    public static readonly KvmSide Side = new(
        "allow-disallow", "Jason Gunthorpe, 4 June 2021", KvmTrigger.Change, (fd, vm) => fd.Allowed.Any(allowed => allowed.Vm == vm))
    {
        IsUserDriven = true,
    };
}
