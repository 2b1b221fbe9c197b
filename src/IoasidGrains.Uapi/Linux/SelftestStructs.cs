// The structs of IOMMU_TEST_CMD, iommufd's own self test, as drivers/iommu/iommufd/iommufd_test.h of Linux 6.12 lays them out; a test compares them with it.
using System.Runtime.InteropServices;

namespace IoasidGrains.Uapi.Linux;

/// <summary>
/// <c>struct iommu_test_cmd</c>. What comes after the head is a union; each operation reads its own fields, which lie over each other.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 72)]
public struct IommuTestCmd
{
    [FieldOffset(0)] public uint Size;
    [FieldOffset(4)] public uint Op;
    [FieldOffset(8)] public uint Id;
    [FieldOffset(12)] public uint Reserved;

    /// <summary>add_reserved.</summary>
    [FieldOffset(16)] public ulong Start;
    [FieldOffset(24)] public ulong ReservedLength;

    /// <summary>mock_domain, mock_domain_flags.</summary>
    [FieldOffset(16)] public uint OutStdevId;
    [FieldOffset(20)] public uint OutHwptId;
    [FieldOffset(24)] public uint OutIdevId;
    [FieldOffset(28)] public uint DevFlags;

    /// <summary>mock_domain_replace.</summary>
    [FieldOffset(16)] public uint PtId;

    /// <summary>check_map, access_rw.</summary>
    [FieldOffset(16)] public ulong Iova;
    [FieldOffset(24)] public ulong Length;
    [FieldOffset(32)] public ulong Uptr;
    [FieldOffset(40)] public uint RwFlags;

    /// <summary>check_refs.</summary>
    [FieldOffset(16)] public ulong RefsLength;
    [FieldOffset(24)] public ulong RefsUptr;
    [FieldOffset(32)] public uint Refs;

    /// <summary>create_access.</summary>
    [FieldOffset(16)] public uint OutAccessFd;
    [FieldOffset(20)] public uint AccessFlags;

    /// <summary>destroy_access_pages.</summary>
    [FieldOffset(16)] public uint AccessPagesId;

    /// <summary>access_pages.</summary>
    [FieldOffset(16)] public uint PagesFlags;
    [FieldOffset(20)] public uint OutAccessPagesId;
    [FieldOffset(24)] public ulong PagesIova;
    [FieldOffset(32)] public ulong PagesLength;
    [FieldOffset(40)] public ulong PagesUptr;

    /// <summary>memory_limit.</summary>
    [FieldOffset(16)] public uint Limit;

    /// <summary>access_replace_ioas.</summary>
    [FieldOffset(16)] public uint IoasId;

    /// <summary>dirty.</summary>
    [FieldOffset(16)] public uint DirtyFlags;
    [FieldOffset(24)] public ulong DirtyIova;
    [FieldOffset(32)] public ulong DirtyLength;
    [FieldOffset(40)] public ulong DirtyPageSize;
    [FieldOffset(48)] public ulong DirtyUptr;
    [FieldOffset(56)] public ulong OutNrDirty;

    /// <summary>check_iotlb.</summary>
    [FieldOffset(16)] public uint IotlbId;
    [FieldOffset(20)] public uint Iotlb;

    /// <summary>trigger_iopf.</summary>
    [FieldOffset(16)] public uint IopfDevId;
    [FieldOffset(20)] public uint IopfPasid;
    [FieldOffset(24)] public uint IopfGrpid;
    [FieldOffset(28)] public uint IopfPerm;
    [FieldOffset(32)] public ulong IopfAddr;

    [FieldOffset(64)] public uint Last;
}

/// <summary><c>struct iommu_test_hw_info</c>: what GET_HW_INFO writes for a mock device.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuTestHwInfo
{
    public uint Flags;
    public uint TestReg;
}

/// <summary><c>struct iommu_hwpt_selftest</c>: user data of a nested mock table.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuHwptSelftest
{
    public uint Iotlb;
}

/// <summary><c>struct iommu_hwpt_invalidate_selftest</c>: one entry of HWPT_INVALIDATE on a nested mock table.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IommuHwptInvalidateSelftest
{
    public uint Flags;
    public uint IotlbId;
}
