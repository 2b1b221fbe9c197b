// The structs of iommufd's ioctls, as include/uapi/linux/iommufd.h of Linux 6.12 lays them out; a test compares them with it.
using System.Runtime.InteropServices;

namespace IoasidGrains.Uapi.Linux;

/// <summary><c>struct iommu_destroy</c>: IOMMU_DESTROY.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuDestroy
{
    public uint Size;
    public uint Id;
}

/// <summary><c>struct iommu_ioas_alloc</c>: IOMMU_IOAS_ALLOC.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuIoasAlloc
{
    public uint Size;
    public uint Flags;
    public uint OutIoasId;
}

/// <summary><c>struct iommu_iova_range</c>: one element of the lists of IOVA_RANGES and ALLOW_IOVAS, inclusive.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuIovaRange
{
    public ulong Start;
    public ulong Last;
}

/// <summary><c>struct iommu_ioas_iova_ranges</c>: IOMMU_IOAS_IOVA_RANGES.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuIoasIovaRanges
{
    public uint Size;
    public uint IoasId;
    public uint NumIovas;
    public uint Reserved;
    public ulong AllowedIovas;
    public ulong OutIovaAlignment;
}

/// <summary><c>struct iommu_ioas_allow_iovas</c>: IOMMU_IOAS_ALLOW_IOVAS.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuIoasAllowIovas
{
    public uint Size;
    public uint IoasId;
    public uint NumIovas;
    public uint Reserved;
    public ulong AllowedIovas;
}

/// <summary><c>struct iommu_ioas_map</c>: IOMMU_IOAS_MAP.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuIoasMap
{
    public uint Size;
    public uint Flags;
    public uint IoasId;
    public uint Reserved;
    public ulong UserVa;
    public ulong Length;
    public ulong Iova;
}

/// <summary><c>struct iommu_ioas_copy</c>: IOMMU_IOAS_COPY.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuIoasCopy
{
    public uint Size;
    public uint Flags;
    public uint DstIoasId;
    public uint SrcIoasId;
    public ulong Length;
    public ulong DstIova;
    public ulong SrcIova;
}

/// <summary><c>struct iommu_ioas_unmap</c>: IOMMU_IOAS_UNMAP.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuIoasUnmap
{
    public uint Size;
    public uint IoasId;
    public ulong Iova;
    public ulong Length;
}

/// <summary><c>struct iommu_option</c>: IOMMU_OPTION.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuOption
{
    public uint Size;
    public uint OptionId;
    public ushort Op;
    public ushort Reserved;
    public uint ObjectId;
    public ulong Val64;
}

/// <summary><c>struct iommu_vfio_ioas</c>: IOMMU_VFIO_IOAS.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuVfioIoas
{
    public uint Size;
    public uint IoasId;
    public ushort Op;
    public ushort Reserved;
}

/// <summary><c>struct iommu_hwpt_vtd_s1</c>: user data of a nested table, VT-d first stage.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuHwptVtdS1
{
    public ulong Flags;
    public ulong PgtblAddr;
    public uint AddrWidth;
    public uint Reserved;
}

/// <summary><c>struct iommu_hwpt_alloc</c>: IOMMU_HWPT_ALLOC.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuHwptAlloc
{
    public uint Size;
    public uint Flags;
    public uint DevId;
    public uint PtId;
    public uint OutHwptId;
    public uint Reserved;
    public uint DataType;
    public uint DataLen;
    public ulong DataUptr;
    public uint FaultId;
    public uint Reserved2;
}

/// <summary><c>struct iommu_hw_info_vtd</c>: what GET_HW_INFO writes for VT-d.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuHwInfoVtd
{
    public uint Flags;
    public uint Reserved;
    public ulong CapReg;
    public ulong EcapReg;
}

/// <summary><c>struct iommu_hw_info</c>: IOMMU_GET_HW_INFO.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuHwInfo
{
    public uint Size;
    public uint Flags;
    public uint DevId;
    public uint DataLen;
    public ulong DataUptr;
    public uint OutDataType;
    public byte OutMaxPasidLog2;
    public byte Reserved0;
    public byte Reserved1;
    public byte Reserved2;
    public ulong OutCapabilities;
}

/// <summary><c>struct iommu_hwpt_set_dirty_tracking</c>: IOMMU_HWPT_SET_DIRTY_TRACKING.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuHwptSetDirtyTracking
{
    public uint Size;
    public uint Flags;
    public uint HwptId;
    public uint Reserved;
}

/// <summary><c>struct iommu_hwpt_get_dirty_bitmap</c>: IOMMU_HWPT_GET_DIRTY_BITMAP.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuHwptGetDirtyBitmap
{
    public uint Size;
    public uint HwptId;
    public uint Flags;
    public uint Reserved;
    public ulong Iova;
    public ulong Length;
    public ulong PageSize;
    public ulong Data;
}

/// <summary><c>struct iommu_hwpt_vtd_s1_invalidate</c>: one entry of HWPT_INVALIDATE, VT-d first stage.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuHwptVtdS1Invalidate
{
    public ulong Addr;
    public ulong Npages;
    public uint Flags;
    public uint Reserved;
}

/// <summary><c>struct iommu_hwpt_invalidate</c>: IOMMU_HWPT_INVALIDATE.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuHwptInvalidate
{
    public uint Size;
    public uint HwptId;
    public ulong DataUptr;
    public uint DataType;
    public uint EntryLen;
    public uint EntryNum;
    public uint Reserved;
}

/// <summary><c>struct iommu_hwpt_pgfault</c>: what read() of a fault queue returns.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuHwptPgfault
{
    public uint Flags;
    public uint DevId;
    public uint Pasid;
    public uint Grpid;
    public uint Perm;
    public uint Reserved;
    public ulong Addr;
    public uint Length;
    public uint Cookie;
}

/// <summary><c>struct iommu_hwpt_page_response</c>: what write() to a fault queue takes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuHwptPageResponse
{
    public uint Cookie;
    public uint Code;
}

/// <summary><c>struct iommu_fault_alloc</c>: IOMMU_FAULT_QUEUE_ALLOC.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuFaultAlloc
{
    public uint Size;
    public uint Flags;
    public uint OutFaultId;
    public uint OutFaultFd;
}
