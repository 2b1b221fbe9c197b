// Every ioctl of the mails, in the kernel's spelling.
namespace IoasidGrains.Uapi;

/// <summary>The macro name of an ioctl. RFC v2 uses three names of v1 for other structs; those are prefixed V2_.</summary>
public enum Ioctl
{
    // RFC v1 and the seed mail, on an ioasid_fd
    IOASID_CHECK_EXTENSION,
    IOASID_REGISTER_MEMORY,
    IOASID_UNREGISTER_MEMORY,
    IOASID_ALLOC,
    IOASID_FREE,
    IOASID_GET_INFO,
    IOASID_GET_DEV_INFO,
    IOASID_MAP_DMA,
    IOASID_UNMAP_DMA,
    IOASID_CREATE_NESTING,
    IOASID_BIND_PGTABLE,
    IOASID_UNBIND_PGTABLE,
    IOASID_BIND_PASID_TABLE,
    IOASID_UNBIND_PASID_TABLE,
    IOASID_INVALIDATE_CACHE,
    IOASID_PAGE_FAULT,

    // RFC v1, on a VFIO device fd
    VFIO_BIND_IOASID_FD,
    VFIO_UNBIND_IOASID_FD,
    VFIO_ATTACH_IOASID,
    VFIO_DETACH_IOASID,

    // Seed mail and RFC v1, on a VM
    KVM_ADD_IOASID_FD,
    KVM_DEL_IOASID_FD,
    KVM_UPDATE_IOASID_FD,
    KVM_ALLOW_INCOHERENT_DMA,
    KVM_DISALLOW_INCOHERENT_DMA,
    KVM_MAP_PASID,
    KVM_UNMAP_PASID,

    // RFC v2
    IOMMU_CHECK_EXTENSION,
    IOMMU_DEVICE_GET_INFO,
    IOMMU_IOASID_ALLOC,
    IOMMU_IOASID_FREE,
    IOMMU_MAP_DMA,
    IOMMU_UNMAP_DMA,
    IOMMU_INVALIDATE_CACHE,
    IOMMU_PAGE_FAULT,
    VFIO_BIND_IOMMU_FD,
    V2_VFIO_ATTACH_IOASID,
    V2_VFIO_DETACH_IOASID,
    V2_KVM_MAP_PASID,
    V2_KVM_UNMAP_PASID,

    // Dirty tracking as merged in Linux 6.7, on an ioasid_fd
    IOMMU_HWPT_SET_DIRTY_TRACKING,
    IOMMU_HWPT_GET_DIRTY_BITMAP,
}
