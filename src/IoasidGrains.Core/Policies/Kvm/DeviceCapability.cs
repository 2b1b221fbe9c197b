// kvm-vfio of today: what counts is whether a device's unit could enforce, known before any attach; what its table does is not asked.
namespace IoasidGrains.Core;

/// <summary>
/// virt/kvm/vfio.c since v6.2: vfio_file_enforced_coherent() asks the devices for IOMMU_CAP_ENFORCE_CACHE_COHERENCY at FILE_ADD and FILE_DEL. An fd that is announced
/// speaks for the devices that it has bound in the same way.
/// </summary>
public static class DeviceCapability
{
    public static readonly KvmSide Side = new(
        "device-capability", "kvm-vfio since Linux 6.2", KvmTrigger.Change, (fd, _) => fd.Devices.Values.Any(device => !device.Unit.EnforceSnoop))
    {
        HasFiles = true,
        ByFiles = true,
    };
}
