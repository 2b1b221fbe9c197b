// Every ioctl of Linux 6.12's iommufd, VFIO and kvm-vfio, and how far it works; `ioasid ioctls` prints it. What answers them is IoasidGrains.Core/Linux.
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Uapi;

/// <summary>A row for each ioctl of each kind of file; for KVM, those that lead to kvm-vfio. An absent one is answered as a kernel answers that was built without it.</summary>
public static class LinuxIoctlTable
{
    private const string Uapi = "include/uapi/linux/vfio.h";
    private const string Ioas = "drivers/iommu/iommufd/ioas.c", Hwpt = "drivers/iommu/iommufd/hw_pagetable.c", IommufdMain = "drivers/iommu/iommufd/main.c";
    private const string IommufdDevice = "drivers/iommu/iommufd/device.c", Fault = "drivers/iommu/iommufd/fault.c", Compat = "drivers/iommu/iommufd/vfio_compat.c";
    private const string Selftest = "drivers/iommu/iommufd/selftest.c";
    private const string Container = "drivers/vfio/container.c", Group = "drivers/vfio/group.c", Cdev = "drivers/vfio/device_cdev.c", Device = "drivers/vfio/vfio_main.c";
    private const string Type1 = "drivers/vfio/vfio_iommu_type1.c", Pci = "drivers/vfio/pci/vfio_pci_core.c";
    private const string Kvm = "virt/kvm/kvm_main.c", KvmVfio = "virt/kvm/vfio.c";
    private const string Spapr = "sPAPR is POWER's: no x86 kernel has its driver";
    private const string PlainDevice = "every device has a configuration space, one BAR of 1 MiB and no capabilities";
    private const string NoInterrupts = "the arguments are checked; no interrupt is raised";
    private const string RootBus = "devices are on the root bus, which cannot be reset: ENODEV";
    private const string BareVm = "a VM has neither memory nor CPUs";

    private static readonly IoctlStatus Full = new IoctlStatus.Full();

    public static readonly IReadOnlyList<LinuxIoctlRow> Rows =
    [
        On(LinuxFile.Iommufd, "IOMMU_DESTROY", IoctlCodes.IOMMU_DESTROY, IommufdMain),
        On(LinuxFile.Iommufd, "IOMMU_IOAS_ALLOC", IoctlCodes.IOMMU_IOAS_ALLOC, Ioas),
        On(LinuxFile.Iommufd, "IOMMU_IOAS_ALLOW_IOVAS", IoctlCodes.IOMMU_IOAS_ALLOW_IOVAS, Ioas),
        On(LinuxFile.Iommufd, "IOMMU_IOAS_COPY", IoctlCodes.IOMMU_IOAS_COPY, Ioas),
        On(LinuxFile.Iommufd, "IOMMU_IOAS_IOVA_RANGES", IoctlCodes.IOMMU_IOAS_IOVA_RANGES, Ioas),
        On(LinuxFile.Iommufd, "IOMMU_IOAS_MAP", IoctlCodes.IOMMU_IOAS_MAP, Ioas),
        On(LinuxFile.Iommufd, "IOMMU_IOAS_UNMAP", IoctlCodes.IOMMU_IOAS_UNMAP, Ioas),
        On(LinuxFile.Iommufd, "IOMMU_OPTION", IoctlCodes.IOMMU_OPTION, IommufdMain),
        On(LinuxFile.Iommufd, "IOMMU_VFIO_IOAS", IoctlCodes.IOMMU_VFIO_IOAS, Compat),
        On(LinuxFile.Iommufd, "IOMMU_HWPT_ALLOC", IoctlCodes.IOMMU_HWPT_ALLOC, Hwpt, "a nested table is checked and kept; DMA on it translates by its parent alone"),
        On(LinuxFile.Iommufd, "IOMMU_GET_HW_INFO", IoctlCodes.IOMMU_GET_HW_INFO, IommufdDevice, "no device has PASIDs"),
        On(LinuxFile.Iommufd, "IOMMU_HWPT_SET_DIRTY_TRACKING", IoctlCodes.IOMMU_HWPT_SET_DIRTY_TRACKING, Hwpt),
        On(LinuxFile.Iommufd, "IOMMU_HWPT_GET_DIRTY_BITMAP", IoctlCodes.IOMMU_HWPT_GET_DIRTY_BITMAP, Hwpt),
        On(LinuxFile.Iommufd, "IOMMU_HWPT_INVALIDATE", IoctlCodes.IOMMU_HWPT_INVALIDATE, Hwpt, "VT-d entries are checked; only the mock's tables hold something to invalidate"),
        On(LinuxFile.Iommufd, "IOMMU_FAULT_QUEUE_ALLOC", IoctlCodes.IOMMU_FAULT_QUEUE_ALLOC, Fault, "the queue stays empty: I/O page faults come with PASID"),
        On(LinuxFile.Iommufd, "IOMMU_TEST_CMD", IoctlCodes.IOMMU_TEST_CMD, Selftest,
            "only for a process that declares the self test; MD_CHECK_REFS does not count references, TRIGGER_IOPF queues nothing"),
        On(LinuxFile.Iommufd, "VFIO_GET_API_VERSION", IoctlCodes.VFIO_GET_API_VERSION, Compat),
        On(LinuxFile.Iommufd, "VFIO_CHECK_EXTENSION", IoctlCodes.VFIO_CHECK_EXTENSION, Compat),
        On(LinuxFile.Iommufd, "VFIO_SET_IOMMU", IoctlCodes.VFIO_SET_IOMMU, Compat),
        On(LinuxFile.Iommufd, "VFIO_IOMMU_GET_INFO", IoctlCodes.VFIO_IOMMU_GET_INFO, Compat),
        On(LinuxFile.Iommufd, "VFIO_IOMMU_MAP_DMA", IoctlCodes.VFIO_IOMMU_MAP_DMA, Compat),
        On(LinuxFile.Iommufd, "VFIO_IOMMU_UNMAP_DMA", IoctlCodes.VFIO_IOMMU_UNMAP_DMA, Compat),
        Absent(LinuxFile.Iommufd, "VFIO_IOMMU_DIRTY_PAGES", IoctlCodes.VFIO_IOMMU_DIRTY_PAGES, Compat, "the kernel's type1 on iommufd has none either"),

        On(LinuxFile.Container, "VFIO_GET_API_VERSION", IoctlCodes.VFIO_GET_API_VERSION, Container),
        On(LinuxFile.Container, "VFIO_CHECK_EXTENSION", IoctlCodes.VFIO_CHECK_EXTENSION, Container),
        On(LinuxFile.Container, "VFIO_SET_IOMMU", IoctlCodes.VFIO_SET_IOMMU, Container, "type1 in its three types, and no IOMMU; sPAPR's are refused as on x86"),
        On(LinuxFile.Container, "VFIO_IOMMU_GET_INFO", IoctlCodes.VFIO_IOMMU_GET_INFO, Type1),
        On(LinuxFile.Container, "VFIO_IOMMU_MAP_DMA", IoctlCodes.VFIO_IOMMU_MAP_DMA, Type1),
        On(LinuxFile.Container, "VFIO_IOMMU_UNMAP_DMA", IoctlCodes.VFIO_IOMMU_UNMAP_DMA, Type1),
        On(LinuxFile.Container, "VFIO_IOMMU_DIRTY_PAGES", IoctlCodes.VFIO_IOMMU_DIRTY_PAGES, Type1),
        Absent(LinuxFile.Container, "VFIO_IOMMU_ENABLE", IoctlCodes.VFIO_IOMMU_ENABLE, Uapi, Spapr),
        Absent(LinuxFile.Container, "VFIO_IOMMU_DISABLE", IoctlCodes.VFIO_IOMMU_DISABLE, Uapi, Spapr),
        Absent(LinuxFile.Container, "VFIO_IOMMU_SPAPR_TCE_GET_INFO", IoctlCodes.VFIO_IOMMU_SPAPR_TCE_GET_INFO, Uapi, $"{Spapr}; the number is VFIO_IOMMU_GET_INFO's here"),
        Absent(LinuxFile.Container, "VFIO_IOMMU_SPAPR_REGISTER_MEMORY", IoctlCodes.VFIO_IOMMU_SPAPR_REGISTER_MEMORY, Uapi,
            $"{Spapr}; the number is VFIO_IOMMU_DIRTY_PAGES' here"),
        Absent(LinuxFile.Container, "VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY", IoctlCodes.VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, Uapi, Spapr),
        Absent(LinuxFile.Container, "VFIO_IOMMU_SPAPR_TCE_CREATE", IoctlCodes.VFIO_IOMMU_SPAPR_TCE_CREATE, Uapi, Spapr),
        Absent(LinuxFile.Container, "VFIO_IOMMU_SPAPR_TCE_REMOVE", IoctlCodes.VFIO_IOMMU_SPAPR_TCE_REMOVE, Uapi, Spapr),
        Absent(LinuxFile.Container, "VFIO_EEH_PE_OP", IoctlCodes.VFIO_EEH_PE_OP, Uapi, Spapr),

        On(LinuxFile.Group, "VFIO_GROUP_GET_STATUS", IoctlCodes.VFIO_GROUP_GET_STATUS, Group),
        On(LinuxFile.Group, "VFIO_GROUP_SET_CONTAINER", IoctlCodes.VFIO_GROUP_SET_CONTAINER, Group),
        On(LinuxFile.Group, "VFIO_GROUP_UNSET_CONTAINER", IoctlCodes.VFIO_GROUP_UNSET_CONTAINER, Group),
        On(LinuxFile.Group, "VFIO_GROUP_GET_DEVICE_FD", IoctlCodes.VFIO_GROUP_GET_DEVICE_FD, Group),

        On(LinuxFile.Device, "VFIO_DEVICE_BIND_IOMMUFD", IoctlCodes.VFIO_DEVICE_BIND_IOMMUFD, Cdev),
        On(LinuxFile.Device, "VFIO_DEVICE_ATTACH_IOMMUFD_PT", IoctlCodes.VFIO_DEVICE_ATTACH_IOMMUFD_PT, Cdev),
        On(LinuxFile.Device, "VFIO_DEVICE_DETACH_IOMMUFD_PT", IoctlCodes.VFIO_DEVICE_DETACH_IOMMUFD_PT, Cdev),
        On(LinuxFile.Device, "VFIO_DEVICE_GET_INFO", IoctlCodes.VFIO_DEVICE_GET_INFO, Pci, PlainDevice),
        On(LinuxFile.Device, "VFIO_DEVICE_GET_REGION_INFO", IoctlCodes.VFIO_DEVICE_GET_REGION_INFO, Pci, PlainDevice),
        On(LinuxFile.Device, "VFIO_DEVICE_GET_IRQ_INFO", IoctlCodes.VFIO_DEVICE_GET_IRQ_INFO, Pci, PlainDevice),
        On(LinuxFile.Device, "VFIO_DEVICE_SET_IRQS", IoctlCodes.VFIO_DEVICE_SET_IRQS, Pci, NoInterrupts),
        On(LinuxFile.Device, "VFIO_DEVICE_RESET", IoctlCodes.VFIO_DEVICE_RESET, Pci, "there is no state to reset: it succeeds"),
        On(LinuxFile.Device, "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", IoctlCodes.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, Pci, RootBus),
        On(LinuxFile.Device, "VFIO_DEVICE_PCI_HOT_RESET", IoctlCodes.VFIO_DEVICE_PCI_HOT_RESET, Pci, RootBus),
        Absent(LinuxFile.Device, "VFIO_DEVICE_QUERY_GFX_PLANE", IoctlCodes.VFIO_DEVICE_QUERY_GFX_PLANE, Uapi, "mediated graphics devices only; vfio-pci has none either"),
        Absent(LinuxFile.Device, "VFIO_DEVICE_GET_GFX_DMABUF", IoctlCodes.VFIO_DEVICE_GET_GFX_DMABUF, Uapi, "mediated graphics devices only; vfio-pci has none either"),
        On(LinuxFile.Device, "VFIO_DEVICE_IOEVENTFD", IoctlCodes.VFIO_DEVICE_IOEVENTFD, Pci, "the arguments are checked; there are no eventfds"),
        On(LinuxFile.Device, "VFIO_DEVICE_FEATURE", IoctlCodes.VFIO_DEVICE_FEATURE, Device, "the low-power features; devices cannot migrate"),
        Absent(LinuxFile.Device, "VFIO_MIG_GET_PRECOPY_INFO", IoctlCodes.VFIO_MIG_GET_PRECOPY_INFO, Uapi, "on the data file of a migration; devices cannot migrate"),

        On(LinuxFile.Kvm, "KVM_GET_API_VERSION", IoctlCodes.KVM_GET_API_VERSION, Kvm),
        On(LinuxFile.Kvm, "KVM_CHECK_EXTENSION", IoctlCodes.KVM_CHECK_EXTENSION, Kvm, BareVm),
        On(LinuxFile.Kvm, "KVM_CREATE_VM", IoctlCodes.KVM_CREATE_VM, Kvm, BareVm),
        On(LinuxFile.Vm, "KVM_CHECK_EXTENSION", IoctlCodes.KVM_CHECK_EXTENSION, Kvm, BareVm),
        On(LinuxFile.Vm, "KVM_CREATE_DEVICE", IoctlCodes.KVM_CREATE_DEVICE, Kvm, "kvm-vfio only"),
        On(LinuxFile.KvmVfio, "KVM_SET_DEVICE_ATTR", IoctlCodes.KVM_SET_DEVICE_ATTR, KvmVfio),
        Absent(LinuxFile.KvmVfio, "KVM_GET_DEVICE_ATTR", IoctlCodes.KVM_GET_DEVICE_ATTR, KvmVfio, "kvm-vfio has no attribute to get: EPERM"),
        On(LinuxFile.KvmVfio, "KVM_HAS_DEVICE_ATTR", IoctlCodes.KVM_HAS_DEVICE_ATTR, KvmVfio),
    ];

    private static LinuxIoctlRow On(LinuxFile on, string name, uint code, string source, string? missing = null) =>
        new(name, code, on, missing is null ? Full : new IoctlStatus.Partial(missing), source);

    private static LinuxIoctlRow Absent(LinuxFile on, string name, uint code, string source, string why) => new(name, code, on, new IoctlStatus.Absent(why), source);
}
