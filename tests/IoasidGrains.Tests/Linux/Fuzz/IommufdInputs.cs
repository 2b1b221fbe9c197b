// Nearly valid arguments for every ioctl of /dev/iommu but those of its self test; used by FuzzFamily.
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Tests.Linux.Fuzz;

/// <summary>Ids are of the right kind mostly, ranges meet mappings mostly.</summary>
internal static class IommufdInputs
{
    public static readonly Func<FuzzPick, FuzzInput>[] Native =
        [Destroy, IoasAlloc, AllowIovas, Copy, IovaRanges, Map, Map, Map, Unmap, Unmap, Option, VfioIoas, HwptAlloc, HwptAlloc, HwInfo, SetDirty, GetDirty, Invalidate, FaultQueue];

    public static readonly Func<FuzzPick, FuzzInput>[] Compat = [Version, Extension, SetIommu, VfioInputs.Info, VfioInputs.Map, VfioInputs.Map, VfioInputs.Unmap, VfioInputs.DirtyPages];

    /// <summary>An address space is needed for so much that few are destroyed.</summary>
    private static FuzzInput Destroy(FuzzPick pick) => FuzzInput.Of(IoctlCodes.IOMMU_DESTROY, new IommuDestroy
    {
        Size = 8, Id = pick.Often ? pick.Id<IommufdObject>(one => !pick.Context!.IsUsed(one) && (one is not Ioas || pick.Rarely)) : pick.Id<IommufdObject>(),
    });

    private static FuzzInput IoasAlloc(FuzzPick pick) => FuzzInput.Of(IoctlCodes.IOMMU_IOAS_ALLOC, new IommuIoasAlloc { Size = 12 });

    private static FuzzInput AllowIovas(FuzzPick pick)
    {
        IommuIovaRange[] ranges = [.. Enumerable.Range(0, pick.Random.Next(4)).Select(i => new IommuIovaRange { Start = (ulong)i << 24, Last = ((ulong)(i + 1) << 24) - (pick.Rarely ? 0UL : 1UL) })];
        return FuzzInput.Of(IoctlCodes.IOMMU_IOAS_ALLOW_IOVAS,
            new IommuIoasAllowIovas { Size = 24, IoasId = pick.Id<Ioas>(), NumIovas = (uint)ranges.Length, AllowedIovas = FuzzPick.BufferAddress }, pick.Buffer(ranges));
    }

    private static FuzzInput IovaRanges(FuzzPick pick) => FuzzInput.Of(IoctlCodes.IOMMU_IOAS_IOVA_RANGES,
        new IommuIoasIovaRanges { Size = 32, IoasId = pick.Id<Ioas>(), NumIovas = (uint)pick.Random.Next(8), AllowedIovas = FuzzPick.BufferAddress }, pick.Buffer(128));

    private static uint MapFlags(FuzzPick pick) =>
        pick.Flags(LinuxFlags.IOMMU_IOAS_MAP_FIXED_IOVA) | pick.MostFlags(LinuxFlags.IOMMU_IOAS_MAP_READABLE, LinuxFlags.IOMMU_IOAS_MAP_WRITEABLE);

    private static FuzzInput Map(FuzzPick pick) => FuzzInput.Of(IoctlCodes.IOMMU_IOAS_MAP,
        new IommuIoasMap { Size = 40, Flags = MapFlags(pick), IoasId = pick.Id<Ioas>(), UserVa = pick.UserAddress, Length = pick.Length, Iova = pick.Iova });

    private static FuzzInput Copy(FuzzPick pick)
    {
        (uint source, ulong iova, ulong length) = pick.Mapping();
        return FuzzInput.Of(IoctlCodes.IOMMU_IOAS_COPY, new IommuIoasCopy
        {
            Size = 40, Flags = MapFlags(pick), DstIoasId = pick.Id<Ioas>(), SrcIoasId = source, Length = pick.Often ? length : length / 2, DstIova = pick.Iova, SrcIova = iova,
        });
    }

    private static FuzzInput Unmap(FuzzPick pick)
    {
        (uint ioas, ulong iova, ulong length) = pick.Rarely ? (pick.Id<Ioas>(), 0, ulong.MaxValue) : pick.Mapping();
        return FuzzInput.Of(IoctlCodes.IOMMU_IOAS_UNMAP, new IommuIoasUnmap { Size = 24, IoasId = ioas, Iova = iova, Length = pick.Often ? length : pick.Length });
    }

    private static FuzzInput Option(FuzzPick pick)
    {
        bool huge = pick.Often;
        return FuzzInput.Of(IoctlCodes.IOMMU_OPTION, new IommuOption
        {
            Size = 24, OptionId = huge ? LinuxFlags.IOMMU_OPTION_HUGE_PAGES : LinuxFlags.IOMMU_OPTION_RLIMIT_MODE, Op = (ushort)pick.Random.Next(2), ObjectId = huge ? pick.Id<Ioas>() : 0,
            Val64 = (ulong)pick.Random.Next(2),
        });
    }

    private static FuzzInput VfioIoas(FuzzPick pick) =>
        FuzzInput.Of(IoctlCodes.IOMMU_VFIO_IOAS, new IommuVfioIoas { Size = 12, IoasId = pick.Id<Ioas>(), Op = (ushort)(pick.Often ? pick.Random.Next(2) : pick.Random.Next(4)) });

    private static FuzzInput HwptAlloc(FuzzPick pick)
    {
        bool nested = pick.Random.Next(3) == 0;
        bool mock = pick.Context?.Devices.Any(device => device.Facts is null) == true;
        var alloc = new IommuHwptAlloc { Size = FuzzPick.Size<IommuHwptAlloc>(), DevId = pick.Id<IommufdDevice>(), PtId = pick.Id<Ioas>() };
        if (!nested)
        {
            alloc.Flags = pick.Rarely ? pick.Flags(1, 2, 4) : pick.One(0U, LinuxFlags.IOMMU_HWPT_ALLOC_NEST_PARENT, LinuxFlags.IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
            return FuzzInput.Of(IoctlCodes.IOMMU_HWPT_ALLOC, alloc);
        }

        alloc.PtId = pick.Id<PagingHwpt>(table => table.NestParent);
        alloc.Flags = pick.Often ? 0 : LinuxFlags.IOMMU_HWPT_FAULT_ID_VALID;
        alloc.FaultId = pick.Id<FaultQueue>();
        alloc.DataUptr = FuzzPick.BufferAddress;
        (alloc.DataType, alloc.DataLen) = mock ? (LinuxFlags.IOMMU_HWPT_DATA_SELFTEST, 4U) : (LinuxFlags.IOMMU_HWPT_DATA_VTD_S1, 24U);
        return FuzzInput.Of(IoctlCodes.IOMMU_HWPT_ALLOC, alloc, mock
            ? pick.Buffer(new IommuHwptSelftest { Iotlb = LinuxFlags.IOMMU_TEST_IOTLB_DEFAULT })
            : pick.Buffer(new IommuHwptVtdS1 { PgtblAddr = 0x1000, AddrWidth = 48 }));
    }

    private static FuzzInput HwInfo(FuzzPick pick) => FuzzInput.Of(IoctlCodes.IOMMU_GET_HW_INFO,
        new IommuHwInfo { Size = 40, DevId = pick.Id<IommufdDevice>(), DataLen = (uint)pick.Random.Next(64), DataUptr = FuzzPick.BufferAddress }, pick.Buffer(64, filled: true));

    private static FuzzInput SetDirty(FuzzPick pick) => FuzzInput.Of(IoctlCodes.IOMMU_HWPT_SET_DIRTY_TRACKING,
        new IommuHwptSetDirtyTracking { Size = 16, Flags = pick.Flags(LinuxFlags.IOMMU_HWPT_DIRTY_TRACKING_ENABLE), HwptId = pick.Id<PagingHwpt>(table => table.TracksDirty) });

    private static FuzzInput GetDirty(FuzzPick pick) => FuzzInput.Of(IoctlCodes.IOMMU_HWPT_GET_DIRTY_BITMAP, new IommuHwptGetDirtyBitmap
    {
        Size = 48, HwptId = pick.Id<PagingHwpt>(table => table.TracksDirty), Flags = pick.Flags(LinuxFlags.IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR), Iova = 0x100_0000,
        Length = pick.One(0x4_0000UL, 0x1000UL, pick.Length), PageSize = pick.One(0x1000UL, 0x800UL), Data = FuzzPick.BufferAddress,
    }, pick.Buffer(64));

    private static FuzzInput Invalidate(FuzzPick pick)
    {
        uint hwpt = pick.Id<NestedHwpt>();
        bool mock = pick.Context?.PagingOf(hwpt)?.Maker.IsMock != false;
        uint count = (uint)pick.Random.Next(4);
        var command = new IommuHwptInvalidate
        {
            Size = 32, HwptId = hwpt, DataUptr = FuzzPick.BufferAddress, DataType = mock ? LinuxFlags.IOMMU_HWPT_INVALIDATE_DATA_SELFTEST : LinuxFlags.IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
            EntryLen = mock ? 8U : 24U, EntryNum = count,
        };
        return FuzzInput.Of(IoctlCodes.IOMMU_HWPT_INVALIDATE, command, mock
            ? pick.Buffer([.. Enumerable.Range(0, 4).Select(_ => new IommuHwptInvalidateSelftest { Flags = pick.Flags(1), IotlbId = (uint)pick.Random.Next(5) })])
            : pick.Buffer([.. Enumerable.Range(0, 4).Select(_ => new IommuHwptVtdS1Invalidate { Addr = pick.Iova, Npages = 1, Flags = pick.Flags(1) })]));
    }

    private static FuzzInput FaultQueue(FuzzPick pick) => FuzzInput.Of(IoctlCodes.IOMMU_FAULT_QUEUE_ALLOC, new IommuFaultAlloc { Size = 16 });

    private static FuzzInput Version(FuzzPick pick) => FuzzInput.Number(IoctlCodes.VFIO_GET_API_VERSION, 0);

    private static FuzzInput Extension(FuzzPick pick) => FuzzInput.Number(IoctlCodes.VFIO_CHECK_EXTENSION, (ulong)pick.Random.Next(12));

    private static FuzzInput SetIommu(FuzzPick pick) => FuzzInput.Number(IoctlCodes.VFIO_SET_IOMMU, (ulong)pick.One(1, 3, 3, 8));
}
