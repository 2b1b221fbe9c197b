// The contents page of the uAPI of the mails: one row per ioctl. `ioasid ioctls` prints it, and the flow language reads arguments by it. Linux's own are in LinuxIoctlTable.
namespace IoasidGrains.Uapi;

/// <summary>
/// Every ioctl of RFC v1, the seed mail and RFC v2, dirty tracking and kvm-vfio's files as they were merged. The mails leave IOASID_TYPE, IOASID_BASE, IOMMU_TYPE and IOMMU_BASE open and do not number the
/// seed's calls; the numbers chosen here are marked in <see cref="Numbers"/>. VFIO's and KVM's are the kernel's.
/// </summary>
public static class IoctlTable
{
    /// <summary><c>_IO</c> types and bases.</summary>
    private static class Numbers
    {
        public const uint Ioasid = 'i' << 8;      // chosen here
        public const uint Iommu = 'j' << 8;       // chosen here
        public const uint Iommufd = ';' << 8;
        public const uint Vfio = (';' << 8) + 100;
        public const uint Kvm = 0xAE << 8;
        public const uint SeedKvm = Kvm + 0xF8;   // chosen here, past KVM_UNMAP_PASID
    }

    private const string Seed = "seed";
    private const string V1 = "rfc-v1";
    private const string V2 = "rfc-v2";
    private const string Merged = "iommufd";
    private const string KvmVfio = "kvm-vfio";

    private static readonly IoctlStatus Full = new IoctlStatus.Full();
    private static readonly IoctlStatus OnIoasid = new IoctlStatus.Partial("names an IOASID; by the id of a hardware page table on a process's /dev/iommu");
    private static readonly IoctlStatus OnVm = new IoctlStatus.Partial("a verb of the VM; as an attribute of its kvm-vfio device, and for group files, on the files of a process");
    private static readonly IoctlArgument IoasidArgument = new("IOASID", ArgumentKind.Ioasid);
    private static readonly IoctlArgument FdArgument = new("FD", ArgumentKind.Fd);
    private static readonly IoctlArgument FlagArgument = new("snoop|no_snoop|auto", ArgumentKind.SnoopFlag);
    private static readonly IoctlArgument OptionalFlag = FlagArgument with { Optional = true };
    private static readonly IoctlArgument DeviceArgument = new("DEVICE", ArgumentKind.Device);

    /// <summary>All rows, in the order of <see cref="Ioctl"/>.</summary>
    public static readonly IReadOnlyList<IoctlRow> Rows =
    [
        On(ObjectKind.IoasidFd, Ioctl.IOASID_CHECK_EXTENSION, Numbers.Ioasid + 0, V1, "RFC v1 2.1", [new("EXTENSION", ArgumentKind.Extension)],
            call => new IoasidCheckExtension(call.Fd, (uint)Math.Min(call.NumberAt(0, 0), uint.MaxValue))),
        On(ObjectKind.IoasidFd, Ioctl.IOASID_REGISTER_MEMORY, Numbers.Ioasid + 1, V1, "RFC v1 2.1", [new("USER_ADDRESS+LENGTH", ArgumentKind.UserRange)],
            call => new IoasidRegisterMemory(call.Fd, call.UserAt(0, call.Fd), call.UserLengthAt(0))),
        On(ObjectKind.IoasidFd, Ioctl.IOASID_UNREGISTER_MEMORY, Numbers.Ioasid + 2, V1, "RFC v1 2.1", [new("USER_ADDRESS+LENGTH", ArgumentKind.UserRange)],
            call => new IoasidUnregisterMemory(call.Fd, call.UserAt(0, call.Fd), call.UserLengthAt(0))),
        On(ObjectKind.IoasidFd, Ioctl.IOASID_ALLOC, Numbers.Ioasid + 3, Seed, "RFC v1 2.1; seed step 4", [FlagArgument, new("width BITS", ArgumentKind.Width, Optional: true)],
            call => new IoasidAlloc(call.Fd, call.FlagAt(0), (int)Math.Min(call.NumberAt(1, 48), 64))),
        On(ObjectKind.IoasidFd, Ioctl.IOASID_FREE, Numbers.Ioasid + 4, V1, "RFC v1 2.1", [IoasidArgument],
            call => new IoasidFree(call.Fd, call.IoasidAt(0))),
        On(ObjectKind.IoasidFd, Ioctl.IOASID_GET_INFO, Numbers.Ioasid + 5, V1, "RFC v1 2.1", [IoasidArgument],
            call => new IoasidGetInfo(call.Fd, call.IoasidAt(0))),
        On(ObjectKind.IoasidFd, Ioctl.IOASID_GET_DEV_INFO, Numbers.Ioasid + 14, Seed, "seed step 2", [DeviceArgument],
            call => new IoasidGetDevInfo(call.Fd, call.DeviceAt(0))),
        On(ObjectKind.IoasidFd, Ioctl.IOASID_MAP_DMA, Numbers.Ioasid + 6, V1, "RFC v1 2.1; type1 v2",
            [IoasidArgument, new("IOVA+LENGTH", ArgumentKind.IovaRange), new("USER_ADDRESS", ArgumentKind.UserAddress), new("r|w|rw", ArgumentKind.Access, Optional: true), OptionalFlag],
            call => new IoasidMapDma(call.Fd, call.IoasidAt(0), call.RangeAt(1).Start, call.RangeAt(1).Length, call.UserAt(2, call.Fd), call.AccessAt(3))
            {
                Format = call.OptionalFlagAt(4),
            }),
        On(ObjectKind.IoasidFd, Ioctl.IOASID_UNMAP_DMA, Numbers.Ioasid + 7, V1, "RFC v1 2.1; type1 v2",
            [IoasidArgument, new("IOVA+LENGTH|all", ArgumentKind.IovaRange), new("all", ArgumentKind.AllFlag, Optional: true)],
            call => call.StartsWithAll(1)
                ? new IoasidUnmapDma(call.Fd, call.IoasidAt(0), 0, 0, true)
                : new IoasidUnmapDma(call.Fd, call.IoasidAt(0), call.RangeAt(1).Start, call.RangeAt(1).Length, call.AllAt(2))),
        Absent(ObjectKind.IoasidFd, Ioctl.IOASID_CREATE_NESTING, Numbers.Ioasid + 8, V1, "RFC v1 2.1", "nesting comes with PASID and page faults"),
        Absent(ObjectKind.IoasidFd, Ioctl.IOASID_BIND_PGTABLE, Numbers.Ioasid + 9, V1, "RFC v1 2.1", "user page tables come with nesting"),
        Absent(ObjectKind.IoasidFd, Ioctl.IOASID_UNBIND_PGTABLE, Numbers.Ioasid + 10, V1, "RFC v1 2.1", "user page tables come with nesting"),
        Absent(ObjectKind.IoasidFd, Ioctl.IOASID_BIND_PASID_TABLE, Numbers.Ioasid + 11, V1, "RFC v1 2.1", "PASID tables come with nesting"),
        Absent(ObjectKind.IoasidFd, Ioctl.IOASID_UNBIND_PASID_TABLE, Numbers.Ioasid + 12, V1, "RFC v1 2.1", "PASID tables come with nesting"),
        Absent(ObjectKind.IoasidFd, Ioctl.IOASID_INVALIDATE_CACHE, Numbers.Ioasid + 13, V1, "RFC v1 2.1", "only user-managed tables need it"),
        Absent(ObjectKind.IoasidFd, Ioctl.IOASID_PAGE_FAULT, Numbers.Ioasid + 15, V1, "RFC v1 2.1, TBD there", "I/O page faults come with PASID"),

        On(ObjectKind.Device, Ioctl.VFIO_BIND_IOASID_FD, Numbers.Vfio + 22, V1, "RFC v1 2.2; seed step 1", [FdArgument],
            call => new VfioBindIoasidFd(call.Device, call.FdAt(0))),
        On(ObjectKind.Device, Ioctl.VFIO_UNBIND_IOASID_FD, Numbers.Vfio + 23, V1, "RFC v1 2.2", [],
            call => new VfioUnbindIoasidFd(call.Device)),
        On(ObjectKind.Device, Ioctl.VFIO_ATTACH_IOASID, Numbers.Vfio + 24, Seed, "RFC v1 2.2; seed step 5", [IoasidArgument, OptionalFlag],
            call => new VfioAttachIoasid(call.Device, call.IoasidAt(0), call.OptionalFlagAt(1)),
            new IoctlStatus.Partial("routing by RID; user PASID comes later")),
        On(ObjectKind.Device, Ioctl.VFIO_DETACH_IOASID, Numbers.Vfio + 25, V1, "RFC v1 2.2", [IoasidArgument],
            call => new VfioDetachIoasid(call.Device, call.IoasidAt(0))),

        On(ObjectKind.Kvm, Ioctl.KVM_ADD_IOASID_FD, Numbers.SeedKvm + 0, Seed, "seed step 0", [FdArgument],
            call => new KvmAddIoasidFd(call.Vm, call.FdAt(0))),
        On(ObjectKind.Kvm, Ioctl.KVM_DEL_IOASID_FD, Numbers.SeedKvm + 1, Seed, "the seed's missing counterpart of step 0", [FdArgument],
            call => new KvmDelIoasidFd(call.Vm, call.FdAt(0))),
        On(ObjectKind.Kvm, Ioctl.KVM_UPDATE_IOASID_FD, Numbers.SeedKvm + 2, Seed, "seed step 6", [FdArgument],
            call => new KvmUpdateIoasidFd(call.Vm, call.FdAt(0))),
        On(ObjectKind.Kvm, Ioctl.KVM_ALLOW_INCOHERENT_DMA, Numbers.SeedKvm + 3, Seed, "a reply to the seed (m227)", [FdArgument, DeviceArgument],
            call => new KvmAllowIncoherentDma(call.Vm, call.FdAt(0), call.DeviceAt(1), Allow: true)),
        On(ObjectKind.Kvm, Ioctl.KVM_DISALLOW_INCOHERENT_DMA, Numbers.SeedKvm + 4, Seed, "a reply to the seed (m227)", [FdArgument, DeviceArgument],
            call => new KvmAllowIncoherentDma(call.Vm, call.FdAt(0), call.DeviceAt(1), Allow: false)),
        On(ObjectKind.Kvm, Ioctl.KVM_DEV_VFIO_FILE_ADD, Numbers.SeedKvm + 5, KvmVfio, "Documentation/virt/kvm/devices/vfio.rst", [DeviceArgument],
            call => new KvmFileAdd(call.Vm, call.DeviceAt(0)), OnVm),
        On(ObjectKind.Kvm, Ioctl.KVM_DEV_VFIO_FILE_DEL, Numbers.SeedKvm + 6, KvmVfio, "Documentation/virt/kvm/devices/vfio.rst", [DeviceArgument],
            call => new KvmFileDel(call.Vm, call.DeviceAt(0)), OnVm),
        Absent(ObjectKind.Kvm, Ioctl.KVM_MAP_PASID, Numbers.Kvm + 0xF0, V1, "RFC v1 2.3", "PASID translation comes with PASID"),
        Absent(ObjectKind.Kvm, Ioctl.KVM_UNMAP_PASID, Numbers.Kvm + 0xF1, V1, "RFC v1 2.3", "PASID translation comes with PASID"),

        Respelt(ObjectKind.IoasidFd, Ioctl.IOMMU_CHECK_EXTENSION, Numbers.Iommu + 0, Ioctl.IOASID_CHECK_EXTENSION),
        Respelt(ObjectKind.IoasidFd, Ioctl.IOMMU_DEVICE_GET_INFO, Numbers.Iommu + 1, Ioctl.IOASID_GET_DEV_INFO),
        Respelt(ObjectKind.IoasidFd, Ioctl.IOMMU_IOASID_ALLOC, Numbers.Iommu + 2, Ioctl.IOASID_ALLOC),
        Respelt(ObjectKind.IoasidFd, Ioctl.IOMMU_IOASID_FREE, Numbers.Iommu + 3, Ioctl.IOASID_FREE),
        Respelt(ObjectKind.IoasidFd, Ioctl.IOMMU_MAP_DMA, Numbers.Iommu + 4, Ioctl.IOASID_MAP_DMA),
        Respelt(ObjectKind.IoasidFd, Ioctl.IOMMU_UNMAP_DMA, Numbers.Iommu + 5, Ioctl.IOASID_UNMAP_DMA),
        Absent(ObjectKind.IoasidFd, Ioctl.IOMMU_INVALIDATE_CACHE, Numbers.Iommu + 6, V2, "RFC v2 2.1", "only user-managed tables need it"),
        Absent(ObjectKind.IoasidFd, Ioctl.IOMMU_PAGE_FAULT, Numbers.Iommu + 7, V2, "RFC v2 2.1, TBD there", "I/O page faults come with PASID"),
        // RFC v2 reuses v1's numbers on the device fd; the dialect of an fd would tell them apart, so these have numbers of their own.
        Respelt(ObjectKind.Device, Ioctl.VFIO_BIND_IOMMU_FD, Numbers.Iommu + 22, Ioctl.VFIO_BIND_IOASID_FD),
        Respelt(ObjectKind.Device, Ioctl.V2_VFIO_ATTACH_IOASID, Numbers.Iommu + 23, Ioctl.VFIO_ATTACH_IOASID),
        Respelt(ObjectKind.Device, Ioctl.V2_VFIO_DETACH_IOASID, Numbers.Iommu + 24, Ioctl.VFIO_DETACH_IOASID),
        Absent(ObjectKind.Kvm, Ioctl.V2_KVM_MAP_PASID, Numbers.Kvm + 0xF2, V2, "RFC v2 2.3", "PASID translation comes with PASID"),
        Absent(ObjectKind.Kvm, Ioctl.V2_KVM_UNMAP_PASID, Numbers.Kvm + 0xF3, V2, "RFC v2 2.3", "PASID translation comes with PASID"),

        On(ObjectKind.IoasidFd, Ioctl.IOMMU_HWPT_SET_DIRTY_TRACKING, Numbers.Iommufd + 0x8B, Merged, "uapi/linux/iommufd.h",
            [IoasidArgument, new("on|off", ArgumentKind.OnOff)],
            call => new SetDirtyTracking(call.Fd, call.IoasidAt(0), call.NumberAt(1, 0) != 0), OnIoasid),
        On(ObjectKind.IoasidFd, Ioctl.IOMMU_HWPT_GET_DIRTY_BITMAP, Numbers.Iommufd + 0x8C, Merged, "uapi/linux/iommufd.h",
            [IoasidArgument, new("IOVA+LENGTH", ArgumentKind.IovaRange), new("page SIZE", ArgumentKind.PageSize, Optional: true),
                new("no_clear", ArgumentKind.NoClearFlag, Optional: true)],
            call => new GetDirtyBitmap(call.Fd, call.IoasidAt(0), call.RangeAt(1).Start, call.RangeAt(1).Length, call.NumberAt(2, Quantity.PageSize), call.AllAt(3)),
            OnIoasid),
    ];

    private static readonly Dictionary<string, IoctlRow> ByName = Rows.ToDictionary(row => row.Name.ToString());
    private static readonly Dictionary<(ObjectKind, uint), IoctlRow> ByCode = Rows.ToDictionary(row => (row.On, row.Code));

    /// <summary>The row of a macro name, or null.</summary>
    public static IoctlRow? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>The row of a number on a kind of file, or null.</summary>
    public static IoctlRow? Find(ObjectKind on, uint code) => ByCode.GetValueOrDefault((on, code));

    private static IoctlRow On(
        ObjectKind on, Ioctl name, uint code, string dialect, string source, IoctlArgument[] arguments,
        Func<IoctlCall, UapiCommand> build, IoctlStatus? status = null) =>
        new(name, code, dialect, on, arguments, status ?? Full, source, build);

    private static IoctlRow Absent(ObjectKind on, Ioctl name, uint code, string dialect, string source, string why) =>
        new(name, code, dialect, on, [], new IoctlStatus.Absent(why), source, null);

    private static IoctlRow Respelt(ObjectKind on, Ioctl name, uint code, Ioctl v1) =>
        Absent(on, name, code, V2, "RFC v2 2.1", $"RFC v2's struct; the same work is done in the words of {v1}");
}
