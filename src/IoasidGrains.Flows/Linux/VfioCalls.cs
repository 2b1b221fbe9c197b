// VFIO's ioctls by name and arguments: to struct bytes, and from struct bytes to outputs. Used by flows and by the replay of recordings.
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Flows;

/// <summary>One method per ioctl of containers, groups and devices.</summary>
public static class VfioCalls
{
    private const uint Viable = 1, ContainerSet = 2;
    private const uint CapIovaRange = 1, CapMigration = 2, CapDmaAvail = 3;
    private const int LongestStruct = 1 << 20;
    private const ulong RepeatStart = 0x10000000;

    /// <summary>A number that no extension and no IOMMU type has.</summary>
    private const uint Unknown = 99;

    private static readonly Dictionary<string, ulong> Extensions = new()
    {
        ["VFIO_TYPE1_IOMMU"] = 1, ["VFIO_SPAPR_TCE_IOMMU"] = 2, ["VFIO_TYPE1v2_IOMMU"] = 3, ["VFIO_DMA_CC_IOMMU"] = 4, ["VFIO_EEH"] = 5,
        ["VFIO_TYPE1_NESTING_IOMMU"] = 6, ["VFIO_SPAPR_TCE_v2_IOMMU"] = 7, ["VFIO_NOIOMMU_IOMMU"] = 8, ["VFIO_UNMAP_ALL"] = 9, ["VFIO_UPDATE_VADDR"] = 10,
        ["unknown"] = Unknown,
    };

    private static readonly Dictionary<string, ulong> MapFlags = new() { ["READ"] = 1, ["WRITE"] = 2, ["VADDR"] = 4 };
    private static readonly Dictionary<string, ulong> UnmapFlags = new() { ["GET_DIRTY_BITMAP"] = 1, ["ALL"] = 2, ["VADDR"] = 4 };
    private static readonly Dictionary<string, ulong> DirtyFlags = new() { ["START"] = 1, ["STOP"] = 2, ["GET_BITMAP"] = 4 };

    public static readonly Dictionary<string, Func<CallArguments, Task<CallAnswer>>> Table = new()
    {
        ["VFIO_GET_API_VERSION"] = async call => CallAnswer.Of(await call.Process.Ioctl(call.File, IoctlCodes.VFIO_GET_API_VERSION, 0)),
        ["VFIO_CHECK_EXTENSION"] = async call => CallAnswer.Of(await call.Process.Ioctl(call.File, IoctlCodes.VFIO_CHECK_EXTENSION, call.Flags("ext", Extensions))),
        ["VFIO_SET_IOMMU"] = async call => CallAnswer.Of(await call.Process.Ioctl(call.File, IoctlCodes.VFIO_SET_IOMMU, call.Flags("type", Extensions))),
        ["VFIO_GROUP_GET_STATUS"] = GroupStatus,
        ["VFIO_GROUP_SET_CONTAINER"] = SetContainer,
        ["VFIO_GROUP_UNSET_CONTAINER"] = async call => CallAnswer.Of(await call.Process.Ioctl(call.File, IoctlCodes.VFIO_GROUP_UNSET_CONTAINER, 0)),
        ["VFIO_GROUP_GET_DEVICE_FD"] = DeviceFd,
        ["VFIO_DEVICE_BIND_IOMMUFD"] = Bind,
        ["VFIO_DEVICE_ATTACH_IOMMUFD_PT"] = Attach,
        ["VFIO_DEVICE_DETACH_IOMMUFD_PT"] = Detach,
        ["VFIO_IOMMU_GET_INFO"] = Info,
        ["VFIO_IOMMU_MAP_DMA"] = Map,
        ["VFIO_IOMMU_UNMAP_DMA"] = Unmap,
        ["VFIO_IOMMU_DIRTY_PAGES"] = DirtyPages,
    };

    private static uint Size<T>() => (uint)Marshal.SizeOf<T>();

    private static async Task<CallAnswer> GroupStatus(CallArguments call)
    {
        call.Process.Put(new VfioGroupStatus { Argsz = call.Word("argsz", Size<VfioGroupStatus>()) });
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.VFIO_GROUP_GET_STATUS);
        uint flags = played.Struct<VfioGroupStatus>().Flags;
        return CallAnswer.Of(played.Reply, new JsonObject { ["viable"] = (flags & Viable) != 0, ["container_set"] = (flags & ContainerSet) != 0, ["flags"] = flags });
    }

    private static async Task<CallAnswer> SetContainer(CallArguments call)
    {
        call.Process.Put(call.Descriptor("container"));
        return CallAnswer.Of((await call.Process.Ioctl(call.File, IoctlCodes.VFIO_GROUP_SET_CONTAINER)).Reply);
    }

    private static async Task<CallAnswer> DeviceFd(CallArguments call)
    {
        call.Process.Put([.. Encoding.ASCII.GetBytes(call.Text("device") ?? ""), 0]);
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.VFIO_GROUP_GET_DEVICE_FD);
        if (!played.Succeeded)
        {
            return CallAnswer.Of(played.Reply);
        }

        string name = call.Call.Out?["fd"]?.ToString() ?? "device";
        call.Process.NameFile(name, (int)played.Reply.Value);
        call.Process.NameDevice(name, call.Text("device")!);
        return new CallAnswer(0, Errno.OK, new JsonObject { ["fd"] = name });
    }

    private static async Task<CallAnswer> Bind(CallArguments call)
    {
        call.Process.Put(new VfioDeviceBindIommufd
        {
            Argsz = call.Word("argsz", Size<VfioDeviceBindIommufd>()), Flags = call.Word("flags"), Iommufd = call.Descriptor("iommufd"),
        });
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.VFIO_DEVICE_BIND_IOMMUFD);
        return CallAnswer.Of(played.Reply, played.Succeeded ? Id(call, "out_devid", played.Struct<VfioDeviceBindIommufd>().OutDevid) : []);
    }

    private static async Task<CallAnswer> Attach(CallArguments call)
    {
        call.Process.Put(new VfioDeviceAttachIommufdPt
        {
            Argsz = call.Word("argsz", Size<VfioDeviceAttachIommufdPt>()), Flags = call.Word("flags"), PtId = call.Id("pt_id"),
        });
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.VFIO_DEVICE_ATTACH_IOMMUFD_PT);
        return CallAnswer.Of(played.Reply, played.Succeeded ? Id(call, "pt_id", played.Struct<VfioDeviceAttachIommufdPt>().PtId) : []);
    }

    private static JsonObject Id(CallArguments call, string name, uint id) => new() { [name] = call.Process.NameOf(call.Call.Out?[name], id, binds: true), ["raw_id"] = id };

    private static async Task<CallAnswer> Detach(CallArguments call)
    {
        call.Process.Put(new VfioDeviceDetachIommufdPt { Argsz = call.Word("argsz", Size<VfioDeviceDetachIommufdPt>()), Flags = call.Word("flags") });
        return CallAnswer.Of((await call.Process.Ioctl(call.File, IoctlCodes.VFIO_DEVICE_DETACH_IOMMUFD_PT)).Reply);
    }

    private static async Task<CallAnswer> Info(CallArguments call)
    {
        uint size = call.Word("argsz", Size<VfioIommuType1Info>());
        var bytes = new byte[Math.Clamp(size, Size<VfioIommuType1Info>(), LongestStruct)];
        MemoryMarshal.Write(bytes, in size);
        call.Process.Put(bytes);
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.VFIO_IOMMU_GET_INFO);
        var info = played.Struct<VfioIommuType1Info>();
        var outputs = new JsonObject
        {
            ["argsz"] = info.Argsz, ["flags"] = info.Flags, ["iova_pgsizes"] = FlowNumber.Hex(info.IovaPgsizes), ["cap_offset"] = info.CapOffset,
        };
        outputs["caps"] = Capabilities(played.Buffers[0], size >= Size<VfioIommuType1Info>() ? info.CapOffset : 0);
        return CallAnswer.Of(played.Reply, outputs);
    }

    private static JsonArray Capabilities(byte[] bytes, uint offset)
    {
        var all = new JsonArray();
        for (uint at = offset; at != 0 && at + Size<VfioInfoCapHeader>() <= bytes.Length;)
        {
            var header = MemoryMarshal.Read<VfioInfoCapHeader>(bytes.AsSpan((int)at));
            var one = new JsonObject { ["id"] = header.Id, ["version"] = header.Version };
            switch (header.Id)
            {
                case (ushort)CapIovaRange:
                    uint count = MemoryMarshal.Read<VfioIommuType1InfoCapIovaRange>(bytes.AsSpan((int)at)).NrIovas;
                    int list = (int)(at + Size<VfioIommuType1InfoCapIovaRange>());
                    var ranges = new JsonArray();
                    foreach (VfioIovaRange range in MemoryMarshal.Cast<byte, VfioIovaRange>(bytes.AsSpan(list, (int)(count * Size<VfioIovaRange>()))))
                    {
                        ranges.Add(new JsonArray(FlowNumber.Hex(range.Start), FlowNumber.Hex(range.End)));
                    }

                    one["iova_ranges"] = ranges;
                    break;
                case (ushort)CapMigration:
                    var migration = MemoryMarshal.Read<VfioIommuType1InfoCapMigration>(bytes.AsSpan((int)at));
                    one["pgsize_bitmap"] = FlowNumber.Hex(migration.PgsizeBitmap);
                    one["max_dirty_bitmap_size"] = migration.MaxDirtyBitmapSize;
                    break;
                case (ushort)CapDmaAvail:
                    one["dma_avail"] = MemoryMarshal.Read<VfioIommuType1InfoDmaAvail>(bytes.AsSpan((int)at)).Avail;
                    break;
            }

            all.Add(one);
            at = header.Next;
        }

        return all;
    }

    private static async Task<CallAnswer> Map(CallArguments call)
    {
        if (call.Text("repeat") is { } repeat)
        {
            return await RepeatMap(call, RepeatedCalls.CountOf(repeat));
        }

        call.Process.Put(new VfioIommuType1DmaMap
        {
            Argsz = call.Word("argsz", Size<VfioIommuType1DmaMap>()), Flags = call.Flags("flags", MapFlags), Vaddr = call.Address("vaddr"), Iova = call.Number("iova"),
            Size = call.Number("size"),
        });
        return CallAnswer.Of((await call.Process.Ioctl(call.File, IoctlCodes.VFIO_IOMMU_MAP_DMA)).Reply);
    }

    private static Task<CallAnswer> RepeatMap(CallArguments call, long times)
    {
        uint flags = call.Flags("flags", MapFlags, 3);
        (ulong va, ulong iova, ulong size) = (call.Address("vaddr", LinuxProcess.Memory[0].Start), call.Number("iova", RepeatStart), call.Number("size", Quantity.PageSize));
        return RepeatedCalls.Run(times, async n =>
        {
            call.Process.Put(new VfioIommuType1DmaMap { Argsz = Size<VfioIommuType1DmaMap>(), Flags = flags, Vaddr = va, Iova = iova + ((ulong)n * size), Size = size });
            return (await call.Process.Ioctl(call.File, IoctlCodes.VFIO_IOMMU_MAP_DMA)).Reply;
        });
    }

    private static async Task<CallAnswer> Unmap(CallArguments call)
    {
        // What a longer struct ends with, as the place of a dirty bitmap, is not told: it is zero.
        uint argsz = call.Word("argsz", Size<VfioIommuType1DmaUnmap>()), more = Math.Min(Math.Max(argsz, Size<VfioIommuType1DmaUnmap>()), LongestStruct) - Size<VfioIommuType1DmaUnmap>();
        call.Process.Put(
            new VfioIommuType1DmaUnmap { Argsz = argsz, Flags = call.Flags("flags", UnmapFlags), Iova = call.Number("iova"), Size = call.Number("size") }, (int)more);
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.VFIO_IOMMU_UNMAP_DMA);
        return CallAnswer.Of(played.Reply, new JsonObject { ["size"] = FlowNumber.Hex(played.Struct<VfioIommuType1DmaUnmap>().Size) });
    }

    private static async Task<CallAnswer> DirtyPages(CallArguments call)
    {
        uint flags = call.Flags("flags", DirtyFlags);
        ulong pageSize = call.Number("pgsize"), size = call.Number("size");
        ulong words = pageSize == 0 ? 1 : Math.Min((size / pageSize / 64) + 1, LongestStruct / sizeof(ulong));
        uint head = Size<VfioIommuType1DirtyBitmap>();
        var bytes = new byte[head + Size<VfioIommuType1DirtyBitmapGet>()];
        var dirty = new VfioIommuType1DirtyBitmap { Argsz = call.Word("argsz", (uint)bytes.Length), Flags = flags };
        MemoryMarshal.Write(bytes, in dirty);
        call.Process.Put(bytes);
        ulong data = call.Process.Put(new byte[words * sizeof(ulong)]);
        var get = new VfioIommuType1DirtyBitmapGet
        {
            Iova = call.Number("iova"), Size = size, Bitmap = new VfioBitmap { Pgsize = pageSize, Size = words * sizeof(ulong), Data = data },
        };
        MemoryMarshal.Write(bytes.AsSpan((int)head), in get);
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.VFIO_IOMMU_DIRTY_PAGES);
        return CallAnswer.Of(played.Reply, new JsonObject { ["word0"] = FlowNumber.Hex(BitConverter.ToUInt64(played.Buffers[1])) });
    }
}
