// Nearly valid arguments for every ioctl of VFIO's groups, containers and devices, and of kvm-vfio; used by FuzzFamily.
using System.Text;
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Tests.Linux.Fuzz;

/// <summary>Structs with argsz.</summary>
internal static class VfioInputs
{
    public static readonly Func<FuzzPick, FuzzInput>[] Container = [Version, Extension, SetIommu, Info, Map, Map, Map, Unmap, Unmap, DirtyPages, DirtyPages];

    public static readonly Func<FuzzPick, FuzzInput>[] Group = [Status, SetContainer, SetContainer, UnsetContainer, DeviceFd, DeviceFd];

    public static readonly Func<FuzzPick, FuzzInput>[] Device =
        [Bind, Attach, Attach, Detach, DeviceInfo, RegionInfo, IrqInfo, SetIrqs, Reset, HotResetInfo, HotReset, Ioeventfd, Feature, NotThere];

    public static readonly Func<FuzzPick, FuzzInput>[] Kvm = [KvmVersion, CreateVm];

    public static readonly Func<FuzzPick, FuzzInput>[] Vm = [CheckVmExtension, CreateDevice];

    public static readonly Func<FuzzPick, FuzzInput>[] KvmVfio = [ChangeFile, ChangeFile, HasAttribute, GetAttribute];

    private static FuzzInput Version(FuzzPick pick) => FuzzInput.Number(IoctlCodes.VFIO_GET_API_VERSION, 0);

    private static FuzzInput Extension(FuzzPick pick) => FuzzInput.Number(IoctlCodes.VFIO_CHECK_EXTENSION, (ulong)pick.Random.Next(12));

    private static FuzzInput SetIommu(FuzzPick pick) => FuzzInput.Number(IoctlCodes.VFIO_SET_IOMMU, (ulong)pick.One(1, 3, 3, 3, 6, 8));

    public static FuzzInput Info(FuzzPick pick)
    {
        uint size = (uint)pick.One(16, 24, 64, 256);
        byte[] bytes = new byte[size];
        BitConverter.TryWriteBytes(bytes, size);
        return new FuzzInput(IoctlCodes.VFIO_IOMMU_GET_INFO, bytes, FuzzPick.StructAddress);
    }

    public static FuzzInput Map(FuzzPick pick) => FuzzInput.Of(IoctlCodes.VFIO_IOMMU_MAP_DMA, new VfioIommuType1DmaMap
    {
        Argsz = 32, Flags = pick.Rarely ? LinuxFlags.VFIO_DMA_MAP_FLAG_VADDR : pick.MostFlags(LinuxFlags.VFIO_DMA_MAP_FLAG_READ, LinuxFlags.VFIO_DMA_MAP_FLAG_WRITE), Vaddr = pick.UserAddress,
        Iova = pick.Iova, Size = pick.Length,
    });

    public static FuzzInput Unmap(FuzzPick pick)
    {
        (ulong iova, ulong size) = Mapping(pick);
        uint flags = pick.Random.Next(12) switch
        {
            0 => LinuxFlags.VFIO_DMA_UNMAP_FLAG_ALL,
            1 => LinuxFlags.VFIO_DMA_UNMAP_FLAG_VADDR,
            2 => LinuxFlags.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
            3 => pick.Flags(1, 2, 4),
            _ => 0,
        };
        var unmap = new VfioIommuType1DmaUnmap { Argsz = 48, Flags = flags, Iova = flags == 2 ? 0 : iova, Size = flags == 2 ? 0 : size };
        FuzzInput input = FuzzInput.Of(IoctlCodes.VFIO_IOMMU_UNMAP_DMA, unmap, pick.Buffer(64));
        FuzzInput bitmap = FuzzInput.Of(0, new VfioBitmap { Pgsize = 0x1000, Size = 64, Data = FuzzPick.BufferAddress });
        return input with { Struct = [.. input.Struct!, .. bitmap.Struct!] };
    }

    public static FuzzInput DirtyPages(FuzzPick pick)
    {
        uint flags = pick.One(1U, 1U, 2U, 4U, 4U, pick.Flags(1, 2, 4));
        FuzzInput input = FuzzInput.Of(IoctlCodes.VFIO_IOMMU_DIRTY_PAGES, new VfioIommuType1DirtyBitmap { Argsz = 48, Flags = flags }, pick.Buffer(64));
        (ulong iova, ulong size) = Mapping(pick);
        FuzzInput get = FuzzInput.Of(0, new VfioIommuType1DirtyBitmapGet { Iova = iova, Size = size, Bitmap = new VfioBitmap { Pgsize = 0x1000, Size = 64, Data = FuzzPick.BufferAddress } });
        return input with { Struct = [.. input.Struct!, .. get.Struct!] };
    }

    private static (ulong Iova, ulong Size) Mapping(FuzzPick pick)
    {
        IovaRange[] ranges = pick.Open is ContainerFile { Container: var number } && pick.State.Containers[number].Type1 is { } type1
            ? [.. type1.Areas.All.Take(64).Select(area => area.Range)]
            : pick.Context is { } context && context.Find<Ioas>(context.CompatIoas) is { } ioas ? [.. ioas.Pages.Areas.Take(64).Select(area => area.Range)] : [];
        return ranges.Length == 0 || !pick.Often ? (pick.Iova, pick.Length) : pick.One(ranges) is var range ? (range.Start, range.Length) : default;
    }

    private static FuzzInput Status(FuzzPick pick) => FuzzInput.Of(IoctlCodes.VFIO_GROUP_GET_STATUS, new VfioGroupStatus { Argsz = 8 });

    private static FuzzInput SetContainer(FuzzPick pick) =>
        FuzzInput.Of(IoctlCodes.VFIO_GROUP_SET_CONTAINER, pick.Often ? pick.Descriptor<ContainerFile>() : pick.Descriptor<IommufdFile>());

    private static FuzzInput UnsetContainer(FuzzPick pick) => FuzzInput.Number(IoctlCodes.VFIO_GROUP_UNSET_CONTAINER, 0);

    private static FuzzInput DeviceFd(FuzzPick pick)
    {
        string[] members = pick.Open is VfioGroupFile { Group: var id } ? [.. FuzzHost.Devices.Where(device => device.Traits.Group == id).Select(device => device.Id.ToString())] : [];
        string name = members.Length == 0 || pick.Rarely ? pick.One("A", "B", "A ", "A x", "AA", "") : pick.One(members);
        return new FuzzInput(IoctlCodes.VFIO_GROUP_GET_DEVICE_FD, [.. Encoding.ASCII.GetBytes(name), 0], FuzzPick.StructAddress);
    }

    private static FuzzInput Bind(FuzzPick pick) =>
        FuzzInput.Of(IoctlCodes.VFIO_DEVICE_BIND_IOMMUFD, new VfioDeviceBindIommufd { Argsz = 16, Iommufd = pick.Descriptor<IommufdFile>() });

    private static FuzzInput Attach(FuzzPick pick)
    {
        IommufdContext? context = pick.Open is VfioDeviceFile { File: var number } && pick.State.OpenedDevices.GetValueOrDefault(pick.State.DeviceFiles[number].Device.Id) is { Iommufd: { } bound }
            ? pick.State.Contexts.GetValueOrDefault(bound) : null;
        uint[] tables = context is null ? [] : [.. context.Objects.Values.Where(one => one is Ioas or Hwpt).Select(one => one.Id)];
        return FuzzInput.Of(IoctlCodes.VFIO_DEVICE_ATTACH_IOMMUFD_PT, new VfioDeviceAttachIommufdPt { Argsz = 12, PtId = tables.Length == 0 ? (uint)pick.Random.Next(12) : pick.One(tables) });
    }

    private static FuzzInput Detach(FuzzPick pick) => FuzzInput.Of(IoctlCodes.VFIO_DEVICE_DETACH_IOMMUFD_PT, new VfioDeviceDetachIommufdPt { Argsz = 8 });

    private static FuzzInput DeviceInfo(FuzzPick pick) => FuzzInput.Of(IoctlCodes.VFIO_DEVICE_GET_INFO, new VfioDeviceInfo { Argsz = 24 });

    private static FuzzInput RegionInfo(FuzzPick pick) => FuzzInput.Of(IoctlCodes.VFIO_DEVICE_GET_REGION_INFO, new VfioRegionInfo { Argsz = 32, Index = (uint)pick.Random.Next(10) });

    private static FuzzInput IrqInfo(FuzzPick pick) => FuzzInput.Of(IoctlCodes.VFIO_DEVICE_GET_IRQ_INFO, new VfioIrqInfo { Argsz = 16, Index = (uint)pick.Random.Next(6) });

    private static FuzzInput SetIrqs(FuzzPick pick)
    {
        var set = new VfioIrqSet
        {
            Argsz = 24, Flags = pick.One(1U, 2U, 4U) | pick.One(8U, 16U, 32U), Index = (uint)pick.Random.Next(5), Start = 0, Count = (uint)pick.Random.Next(2),
        };
        FuzzInput input = FuzzInput.Of(IoctlCodes.VFIO_DEVICE_SET_IRQS, set);
        return input with { Struct = [.. input.Struct!, .. BitConverter.GetBytes(pick.One(-1, pick.Random.Next(12)))] };
    }

    private static FuzzInput Reset(FuzzPick pick) => FuzzInput.Number(IoctlCodes.VFIO_DEVICE_RESET, 0);

    private static FuzzInput HotResetInfo(FuzzPick pick) => FuzzInput.Of(IoctlCodes.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, new VfioPciHotResetInfo { Argsz = 12 });

    private static FuzzInput HotReset(FuzzPick pick) => FuzzInput.Of(IoctlCodes.VFIO_DEVICE_PCI_HOT_RESET, new VfioPciHotReset { Argsz = 12, Count = (uint)pick.Random.Next(2) });

    private static FuzzInput Ioeventfd(FuzzPick pick) =>
        FuzzInput.Of(IoctlCodes.VFIO_DEVICE_IOEVENTFD, new VfioDeviceIoeventfd { Argsz = 32, Flags = pick.One(1U, 2U, 4U, 8U), Fd = pick.Random.Next(-2, 12) });

    private static FuzzInput Feature(FuzzPick pick) => FuzzInput.Of(IoctlCodes.VFIO_DEVICE_FEATURE, new VfioDeviceFeature
    {
        Argsz = 8, Flags = (uint)pick.One(3, 4, 5, pick.Random.Next(12)) | pick.One(LinuxFlags.VFIO_DEVICE_FEATURE_SET, LinuxFlags.VFIO_DEVICE_FEATURE_PROBE, LinuxFlags.VFIO_DEVICE_FEATURE_GET),
    });

    private static FuzzInput NotThere(FuzzPick pick) =>
        FuzzInput.Number(pick.One(IoctlCodes.VFIO_DEVICE_QUERY_GFX_PLANE, IoctlCodes.VFIO_DEVICE_GET_GFX_DMABUF, IoctlCodes.VFIO_MIG_GET_PRECOPY_INFO), 0);

    private static FuzzInput KvmVersion(FuzzPick pick) => FuzzInput.Number(pick.One(IoctlCodes.KVM_GET_API_VERSION, IoctlCodes.KVM_CHECK_EXTENSION), 0);

    private static FuzzInput CreateVm(FuzzPick pick) => FuzzInput.Number(IoctlCodes.KVM_CREATE_VM, 0);

    private static FuzzInput CheckVmExtension(FuzzPick pick) => FuzzInput.Number(IoctlCodes.KVM_CHECK_EXTENSION, (ulong)pick.Random.Next(128));

    private static FuzzInput CreateDevice(FuzzPick pick) => FuzzInput.Of(IoctlCodes.KVM_CREATE_DEVICE,
        new KvmCreateDevice { Type = LinuxFlags.KVM_DEV_TYPE_VFIO, Flags = pick.Often ? 0 : LinuxFlags.KVM_CREATE_DEVICE_TEST });

    private static FuzzInput ChangeFile(FuzzPick pick)
    {
        int file = pick.Random.Next(2) == 0 ? pick.Descriptor<VfioGroupFile>() : pick.Descriptor<VfioDeviceFile>();
        return FuzzInput.Of(IoctlCodes.KVM_SET_DEVICE_ATTR, Attribute(pick), pick.Buffer<int>(file));
    }

    private static FuzzInput HasAttribute(FuzzPick pick) => FuzzInput.Of(IoctlCodes.KVM_HAS_DEVICE_ATTR, Attribute(pick));

    private static FuzzInput GetAttribute(FuzzPick pick) => FuzzInput.Of(IoctlCodes.KVM_GET_DEVICE_ATTR, Attribute(pick));

    private static KvmDeviceAttr Attribute(FuzzPick pick) => new()
    {
        Group = LinuxFlags.KVM_DEV_VFIO_FILE, Attr = pick.One(LinuxFlags.KVM_DEV_VFIO_FILE_ADD, LinuxFlags.KVM_DEV_VFIO_FILE_ADD, LinuxFlags.KVM_DEV_VFIO_FILE_DEL, (uint)pick.Random.Next(5)),
        Addr = FuzzPick.BufferAddress,
    };
}
