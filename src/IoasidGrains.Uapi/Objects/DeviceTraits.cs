// What a device is, as declared: the unit it is behind, its group, its driver.
namespace IoasidGrains.Uapi;

/// <summary>The VFIO driver of a device; some need the KVM pointer when they open it (domain: kvmgt ESRCH, vfio-ap EINVAL).</summary>
public enum DeviceDriver
{
    VfioPci,
    Kvmgt,
    VfioAp,
}

/// <summary>When the driver's open_device runs: at BIND (as merged in vfio cdev) or at the first ATTACH (the mail's other reading).</summary>
public enum DriverOpens
{
    AtBind,
    AtAttach,
}

/// <summary>Vendor and class code of a PCI function, as in <c>8086:0300</c>; what the chooser of step 3 matches.</summary>
[GenerateSerializer, Immutable]
public readonly record struct PciId(ushort Vendor, ushort Class)
{
    public override string ToString() => $"{Vendor:x4}:{Class:x4}";
}

/// <summary>The declared facts of a device; none of them changes.</summary>
/// <param name="Unit">The IOMMU unit that it is behind.</param>
/// <param name="Group">Its IOMMU group.</param>
/// <param name="Id">Vendor and class.</param>
/// <param name="CoherentOnly">Enable-No-Snoop is hard-wired to 0: it can never send a no-snoop access.</param>
/// <param name="Driver">Its VFIO driver.</param>
/// <param name="Opens">When that driver opens it.</param>
/// <param name="Reserved">Windows of this device that nothing may be mapped at (RMRR).</param>
[GenerateSerializer, Immutable]
public sealed record DeviceTraits(
    UnitId Unit, GroupId Group, PciId Id, bool CoherentOnly, DeviceDriver Driver, DriverOpens Opens, IovaRange[] Reserved)
{
    /// <summary>What the driver's open answers without a KVM pointer; OK if it does not need one.</summary>
    public Errno OpenWithoutKvm => Driver switch
    {
        DeviceDriver.Kvmgt => Errno.ESRCH,
        DeviceDriver.VfioAp => Errno.EINVAL,
        _ => Errno.OK,
    };
}
