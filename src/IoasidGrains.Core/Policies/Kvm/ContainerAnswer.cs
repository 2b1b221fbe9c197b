// kvm-vfio before v6.2: what counts is whether every domain of the container enforces.
namespace IoasidGrains.Core;

/// <summary>
/// virt/kvm/vfio.c before v6.2: VFIO_DMA_CC_IOMMU of the group's container, 1 iff every domain enforces and 1 without a domain. A user adds a group to KVM when it joins
/// the container and takes it away when it leaves, so here it is asked again at ATTACH and DETACH.
/// </summary>
public static class ContainerAnswer
{
    public static readonly KvmSide Side = new("container-answer", "kvm-vfio before Linux 6.2", KvmTrigger.Change, (fd, _) => HasPlainDomain(fd)) { ByFiles = true };

    private static bool HasPlainDomain(FdState fd) => fd.Devices.Values.Any(device => device.Place is { } place && fd.Ioasids[place.Number].IsPlain(fd.TableOf(device)));
}
