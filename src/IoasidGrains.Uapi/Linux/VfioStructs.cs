// The structs of VFIO's ioctls, as include/uapi/linux/vfio.h of Linux 6.12 lays them out; a test compares them with it.
using System.Runtime.InteropServices;

namespace IoasidGrains.Uapi.Linux;

/// <summary><c>struct vfio_info_cap_header</c>: heads every capability of an info ioctl.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioInfoCapHeader
{
    public ushort Id;
    public ushort Version;
    public uint Next;
}

/// <summary><c>struct vfio_group_status</c>: VFIO_GROUP_GET_STATUS.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioGroupStatus
{
    public uint Argsz;
    public uint Flags;
}

/// <summary><c>struct vfio_device_info</c>: VFIO_DEVICE_GET_INFO.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioDeviceInfo
{
    public uint Argsz;
    public uint Flags;
    public uint NumRegions;
    public uint NumIrqs;
    public uint CapOffset;
    public uint Pad;
}

/// <summary><c>struct vfio_region_info</c>: VFIO_DEVICE_GET_REGION_INFO.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioRegionInfo
{
    public uint Argsz;
    public uint Flags;
    public uint Index;
    public uint CapOffset;
    public ulong Size;
    public ulong Offset;
}

/// <summary><c>struct vfio_irq_info</c>: VFIO_DEVICE_GET_IRQ_INFO.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioIrqInfo
{
    public uint Argsz;
    public uint Flags;
    public uint Index;
    public uint Count;
}

/// <summary><c>struct vfio_device_feature</c>: VFIO_DEVICE_FEATURE.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioDeviceFeature
{
    public uint Argsz;
    public uint Flags;
}

/// <summary><c>struct vfio_device_bind_iommufd</c>: VFIO_DEVICE_BIND_IOMMUFD.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioDeviceBindIommufd
{
    public uint Argsz;
    public uint Flags;
    public int Iommufd;
    public uint OutDevid;
}

/// <summary><c>struct vfio_device_attach_iommufd_pt</c>: VFIO_DEVICE_ATTACH_IOMMUFD_PT.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioDeviceAttachIommufdPt
{
    public uint Argsz;
    public uint Flags;
    public uint PtId;
}

/// <summary><c>struct vfio_device_detach_iommufd_pt</c>: VFIO_DEVICE_DETACH_IOMMUFD_PT.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioDeviceDetachIommufdPt
{
    public uint Argsz;
    public uint Flags;
}

/// <summary><c>struct vfio_iommu_type1_info</c>: VFIO_IOMMU_GET_INFO.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioIommuType1Info
{
    public uint Argsz;
    public uint Flags;
    public ulong IovaPgsizes;
    public uint CapOffset;
    public uint Pad;
}

/// <summary><c>struct vfio_iova_range</c>: inclusive.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioIovaRange
{
    public ulong Start;
    public ulong End;
}

/// <summary><c>struct vfio_iommu_type1_dma_map</c>: VFIO_IOMMU_MAP_DMA.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioIommuType1DmaMap
{
    public uint Argsz;
    public uint Flags;
    public ulong Vaddr;
    public ulong Iova;
    public ulong Size;
}

/// <summary><c>struct vfio_bitmap</c>: a bitmap in user memory.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioBitmap
{
    public ulong Pgsize;
    public ulong Size;
    public ulong Data;
}

/// <summary><c>struct vfio_iommu_type1_dma_unmap</c>: VFIO_IOMMU_UNMAP_DMA.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioIommuType1DmaUnmap
{
    public uint Argsz;
    public uint Flags;
    public ulong Iova;
    public ulong Size;
}

/// <summary><c>struct vfio_iommu_type1_dirty_bitmap</c>: VFIO_IOMMU_DIRTY_PAGES.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioIommuType1DirtyBitmap
{
    public uint Argsz;
    public uint Flags;
}

/// <summary><c>struct vfio_iommu_type1_info_cap_iova_range</c>: capability 1 of VFIO_IOMMU_GET_INFO; <see cref="NrIovas"/> ranges follow.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioIommuType1InfoCapIovaRange
{
    public VfioInfoCapHeader Header;
    public uint NrIovas;
    public uint Reserved;
}

/// <summary><c>struct vfio_iommu_type1_info_cap_migration</c>: capability 2 of VFIO_IOMMU_GET_INFO.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioIommuType1InfoCapMigration
{
    public VfioInfoCapHeader Header;
    public uint Flags;
    public ulong PgsizeBitmap;
    public ulong MaxDirtyBitmapSize;
}

/// <summary><c>struct vfio_iommu_type1_info_dma_avail</c>: capability 3 of VFIO_IOMMU_GET_INFO.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioIommuType1InfoDmaAvail
{
    public VfioInfoCapHeader Header;
    public uint Avail;
}

/// <summary><c>struct vfio_iommu_type1_dirty_bitmap_get</c>: follows <see cref="VfioIommuType1DirtyBitmap"/> when a bitmap is asked for.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioIommuType1DirtyBitmapGet
{
    public ulong Iova;
    public ulong Size;
    public VfioBitmap Bitmap;
}
