// The numbers of the ioctls of iommufd, VFIO and kvm-vfio, as the kernel's headers define them; a test compares them with the headers of Linux 6.12.
namespace IoasidGrains.Uapi.Linux;

/// <summary>The second argument of <c>ioctl()</c>. One number may mean two things on two kinds of file.</summary>
public static class IoctlCodes
{
    public const uint IOMMU_DESTROY = 0x3b80;
    public const uint IOMMU_IOAS_ALLOC = 0x3b81;
    public const uint IOMMU_IOAS_ALLOW_IOVAS = 0x3b82;
    public const uint IOMMU_IOAS_COPY = 0x3b83;
    public const uint IOMMU_IOAS_IOVA_RANGES = 0x3b84;
    public const uint IOMMU_IOAS_MAP = 0x3b85;
    public const uint IOMMU_IOAS_UNMAP = 0x3b86;
    public const uint IOMMU_OPTION = 0x3b87;
    public const uint IOMMU_VFIO_IOAS = 0x3b88;
    public const uint IOMMU_HWPT_ALLOC = 0x3b89;
    public const uint IOMMU_GET_HW_INFO = 0x3b8a;
    public const uint IOMMU_HWPT_SET_DIRTY_TRACKING = 0x3b8b;
    public const uint IOMMU_HWPT_GET_DIRTY_BITMAP = 0x3b8c;
    public const uint IOMMU_HWPT_INVALIDATE = 0x3b8d;
    public const uint IOMMU_FAULT_QUEUE_ALLOC = 0x3b8e;
    public const uint IOMMU_TEST_CMD = 0x3ba0;
    public const uint VFIO_GET_API_VERSION = 0x3b64;
    public const uint VFIO_CHECK_EXTENSION = 0x3b65;
    public const uint VFIO_SET_IOMMU = 0x3b66;
    public const uint VFIO_GROUP_GET_STATUS = 0x3b67;
    public const uint VFIO_GROUP_SET_CONTAINER = 0x3b68;
    public const uint VFIO_GROUP_UNSET_CONTAINER = 0x3b69;
    public const uint VFIO_GROUP_GET_DEVICE_FD = 0x3b6a;
    public const uint VFIO_DEVICE_GET_INFO = 0x3b6b;
    public const uint VFIO_DEVICE_GET_REGION_INFO = 0x3b6c;
    public const uint VFIO_DEVICE_GET_IRQ_INFO = 0x3b6d;
    public const uint VFIO_DEVICE_SET_IRQS = 0x3b6e;
    public const uint VFIO_DEVICE_RESET = 0x3b6f;
    public const uint VFIO_DEVICE_GET_PCI_HOT_RESET_INFO = 0x3b70;
    public const uint VFIO_DEVICE_PCI_HOT_RESET = 0x3b71;
    public const uint VFIO_DEVICE_QUERY_GFX_PLANE = 0x3b72;
    public const uint VFIO_DEVICE_GET_GFX_DMABUF = 0x3b73;
    public const uint VFIO_DEVICE_IOEVENTFD = 0x3b74;
    public const uint VFIO_DEVICE_FEATURE = 0x3b75;
    public const uint VFIO_DEVICE_BIND_IOMMUFD = 0x3b76;
    public const uint VFIO_DEVICE_ATTACH_IOMMUFD_PT = 0x3b77;
    public const uint VFIO_DEVICE_DETACH_IOMMUFD_PT = 0x3b78;
    public const uint VFIO_MIG_GET_PRECOPY_INFO = 0x3b79;
    public const uint VFIO_IOMMU_GET_INFO = 0x3b70;
    public const uint VFIO_IOMMU_MAP_DMA = 0x3b71;
    public const uint VFIO_IOMMU_UNMAP_DMA = 0x3b72;
    public const uint VFIO_IOMMU_ENABLE = 0x3b73;
    public const uint VFIO_IOMMU_DISABLE = 0x3b74;
    public const uint VFIO_IOMMU_DIRTY_PAGES = 0x3b75;
    public const uint VFIO_IOMMU_SPAPR_TCE_GET_INFO = 0x3b70;
    public const uint VFIO_EEH_PE_OP = 0x3b79;
    public const uint VFIO_IOMMU_SPAPR_REGISTER_MEMORY = 0x3b75;
    public const uint VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY = 0x3b76;
    public const uint VFIO_IOMMU_SPAPR_TCE_CREATE = 0x3b77;
    public const uint VFIO_IOMMU_SPAPR_TCE_REMOVE = 0x3b78;
    public const uint KVM_GET_API_VERSION = 0xae00;
    public const uint KVM_CREATE_VM = 0xae01;
    public const uint KVM_CHECK_EXTENSION = 0xae03;
    public const uint KVM_CREATE_DEVICE = 0xc00caee0;
    public const uint KVM_SET_DEVICE_ATTR = 0x4018aee1;
    public const uint KVM_GET_DEVICE_ATTR = 0x4018aee2;
    public const uint KVM_HAS_DEVICE_ATTR = 0x4018aee3;
}
