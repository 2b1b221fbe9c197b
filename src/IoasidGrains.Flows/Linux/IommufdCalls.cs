// iommufd's ioctls by name and arguments: to struct bytes, and from struct bytes to outputs. Used by flows and by the replay of recordings.
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Flows;

/// <summary>One method per ioctl. Outputs that a recording does not name are not compared, so each method tells all it can.</summary>
public static class IommufdCalls
{
    private const uint NoData = 0, VtdFirstStage = 1;
    private const int LongestBitmap = 1 << 20;
    private const ulong RepeatStart = 0x10000000;

    private static readonly Dictionary<string, ulong> MapFlags = new() { ["FIXED_IOVA"] = 1, ["WRITEABLE"] = 2, ["READABLE"] = 4 };
    private static readonly Dictionary<string, ulong> HwptFlags = new() { ["NEST_PARENT"] = 1, ["DIRTY_TRACKING"] = 2, ["FAULT_ID_VALID"] = 4, ["PASID"] = 8 };
    private static readonly Dictionary<string, ulong> DataTypes = new() { ["NONE"] = NoData, ["VTD_S1"] = VtdFirstStage, ["ARM_SMMUV3"] = 2, ["SELFTEST"] = 0xdead };
    private static readonly Dictionary<string, ulong> InvalidateTypes = new() { ["VTD_S1"] = 0, ["VIOMMU_ARM_SMMUV3"] = 1, ["SELFTEST"] = 0xdeadbeef };
    private static readonly Dictionary<string, ulong> Options = new() { ["RLIMIT_MODE"] = 0, ["HUGE_PAGES"] = 1 };
    private static readonly Dictionary<string, ulong> OptionOps = new() { ["SET"] = 0, ["GET"] = 1 };
    private static readonly Dictionary<string, ulong> CompatOps = new() { ["GET"] = 0, ["SET"] = 1, ["CLEAR"] = 2 };

    public static readonly Dictionary<string, Func<CallArguments, Task<CallAnswer>>> Table = new()
    {
        ["IOMMU_DESTROY"] = Destroy,
        ["IOMMU_IOAS_ALLOC"] = IoasAlloc,
        ["IOMMU_IOAS_ALLOW_IOVAS"] = AllowIovas,
        ["IOMMU_IOAS_COPY"] = Copy,
        ["IOMMU_IOAS_IOVA_RANGES"] = IovaRanges,
        ["IOMMU_IOAS_MAP"] = Map,
        ["IOMMU_IOAS_UNMAP"] = Unmap,
        ["IOMMU_OPTION"] = Option,
        ["IOMMU_VFIO_IOAS"] = VfioIoas,
        ["IOMMU_HWPT_ALLOC"] = HwptAlloc,
        ["IOMMU_GET_HW_INFO"] = HwInfo,
        ["IOMMU_HWPT_SET_DIRTY_TRACKING"] = SetDirtyTracking,
        ["IOMMU_HWPT_GET_DIRTY_BITMAP"] = GetDirtyBitmap,
        ["IOMMU_HWPT_INVALIDATE"] = Invalidate,
        ["IOMMU_FAULT_QUEUE_ALLOC"] = FaultQueueAlloc,
    };

    /// <summary>A struct of this size, which need not be its own; what is longer is zero.</summary>
    private static byte[] Bytes<T>(T value, uint size)
        where T : struct
    {
        var bytes = new byte[Math.Max(Marshal.SizeOf<T>(), size)];
        MemoryMarshal.Write(bytes, in value);
        return bytes;
    }

    private static uint Size<T>() => (uint)Marshal.SizeOf<T>();

    /// <summary>Arguments that name a field of every struct: its size, what follows it.</summary>
    private static void Put<T>(CallArguments call, T value)
        where T : struct
    {
        uint size = call.Word("size", Size<T>());
        byte[] bytes = Bytes(value, size);
        MemoryMarshal.Write(bytes, in size);
        if (call.Text("tail") == "nonzero")
        {
            bytes[^1] = 1;
        }

        call.Process.Put(bytes);
    }

    private static async Task<CallAnswer> Destroy(CallArguments call)
    {
        if (call.Has("arg"))
        {
            return CallAnswer.Of(await call.Process.Ioctl(call.File, IoctlCodes.IOMMU_DESTROY, call.Pointer("arg")));
        }

        Put(call, new IommuDestroy { Id = call.Id("id") });
        return CallAnswer.Of((await call.Process.Ioctl(call.File, IoctlCodes.IOMMU_DESTROY)).Reply);
    }

    private static async Task<CallAnswer> IoasAlloc(CallArguments call)
    {
        Put(call, new IommuIoasAlloc { Flags = call.Word("flags") });
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.IOMMU_IOAS_ALLOC);
        if (!played.Succeeded)
        {
            return CallAnswer.Of(played.Reply);
        }

        call.Process.LastIoas = played.Struct<IommuIoasAlloc>().OutIoasId;
        return CallAnswer.Of(played.Reply, Id(call, "out_ioas_id", call.Process.LastIoas));
    }

    private static JsonObject Id(CallArguments call, string name, uint id) => new() { [name] = call.Process.NameOf(call.Call.Out?[name], id, binds: true), ["raw_id"] = id };

    private static async Task<CallAnswer> AllowIovas(CallArguments call)
    {
        (ulong Start, ulong Last)[] ranges = call.Ranges("allowed_iovas");
        var allow = new IommuIoasAllowIovas { IoasId = call.Id("ioas_id"), NumIovas = call.Word("num_iovas", (uint)ranges.Length), Reserved = call.Word("__reserved") };
        Put(call, allow);
        ulong list = ranges.Length == 0 ? call.Pointer("allowed_iovas")
            : call.Process.Put([.. ranges.SelectMany(range => (byte[])[.. BitConverter.GetBytes(range.Start), .. BitConverter.GetBytes(range.Last)])]);
        return await Again<IommuIoasAllowIovas>(call, IoctlCodes.IOMMU_IOAS_ALLOW_IOVAS, (ref IommuIoasAllowIovas it) => it.AllowedIovas = list);
    }

    /// <summary>Sends what was put, after the address of a second buffer is known.</summary>
    private static async Task<CallAnswer> Again<T>(CallArguments call, uint code, StructChange<T> change, Func<PlayedCall, JsonObject>? outputs = null)
        where T : struct
    {
        call.Process.Amend(change);
        PlayedCall played = await call.Process.Ioctl(call.File, code);
        return CallAnswer.Of(played.Reply, outputs?.Invoke(played));
    }

    private static async Task<CallAnswer> Copy(CallArguments call)
    {
        Put(call, new IommuIoasCopy
        {
            Flags = call.Flags("flags", MapFlags), DstIoasId = call.Id("dst_ioas_id"), SrcIoasId = call.Id("src_ioas_id"), Length = call.Number("length"),
            DstIova = call.Number("dst_iova"), SrcIova = call.Number("src_iova"),
        });
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.IOMMU_IOAS_COPY);
        return CallAnswer.Of(played.Reply, new JsonObject { ["dst_iova"] = FlowNumber.Hex(played.Struct<IommuIoasCopy>().DstIova) });
    }

    private static async Task<CallAnswer> IovaRanges(CallArguments call)
    {
        uint room = call.Word("num_iovas");
        Put(call, new IommuIoasIovaRanges { IoasId = call.Id("ioas_id"), NumIovas = room });
        ulong list = call.Process.Put(new byte[(Math.Min(room, LongestBitmap) * Size<IommuIovaRange>()) + 1]);
        return await Again<IommuIoasIovaRanges>(call, IoctlCodes.IOMMU_IOAS_IOVA_RANGES, (ref IommuIoasIovaRanges it) => it.AllowedIovas = list, played =>
        {
            var info = played.Struct<IommuIoasIovaRanges>();
            int written = played.Succeeded || played.Reply.Errno == Errno.EMSGSIZE ? (int)Math.Min(room, info.NumIovas) : 0;
            ReadOnlySpan<IommuIovaRange> ranges = MemoryMarshal.Cast<byte, IommuIovaRange>(played.Buffers[1].AsSpan(0, written * (int)Size<IommuIovaRange>()));
            var allowed = new JsonArray();
            foreach (IommuIovaRange range in ranges)
            {
                allowed.Add(new JsonArray(FlowNumber.Hex(range.Start), FlowNumber.Hex(range.Last)));
            }

            return new JsonObject { ["num_iovas"] = info.NumIovas, ["out_iova_alignment"] = info.OutIovaAlignment, ["allowed_iovas"] = allowed };
        });
    }

    private static async Task<CallAnswer> Map(CallArguments call)
    {
        if (call.Text("repeat") is { } repeat)
        {
            return await RepeatMap(call, RepeatedCalls.CountOf(repeat));
        }

        Put(call, new IommuIoasMap
        {
            Flags = call.Flags("flags", MapFlags), IoasId = call.Id("ioas_id"), Reserved = call.Word("__reserved"), UserVa = call.Address("user_va"),
            Length = call.Number("length"), Iova = call.Number("iova"),
        });
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.IOMMU_IOAS_MAP);
        return CallAnswer.Of(played.Reply, new JsonObject { ["iova"] = FlowNumber.Hex(played.Struct<IommuIoasMap>().Iova) });
    }

    /// <summary>Page after page at consecutive IOVAs, into the address space that was allocated last unless another is named.</summary>
    private static Task<CallAnswer> RepeatMap(CallArguments call, long times)
    {
        uint ioas = call.Has("ioas_id") ? call.Id("ioas_id") : call.Process.LastIoas;
        uint flags = call.Flags("flags", MapFlags, 7);
        (ulong va, ulong iova, ulong length) = (call.Address("user_va", LinuxProcess.Memory[0].Start), call.Number("iova", RepeatStart), call.Number("length", Quantity.PageSize));
        return RepeatedCalls.Run(times, async n =>
        {
            call.Process.Put(new IommuIoasMap { Size = Size<IommuIoasMap>(), Flags = flags, IoasId = ioas, UserVa = va, Length = length, Iova = iova + ((ulong)n * length) });
            return (await call.Process.Ioctl(call.File, IoctlCodes.IOMMU_IOAS_MAP)).Reply;
        });
    }

    private static async Task<CallAnswer> Unmap(CallArguments call)
    {
        Put(call, new IommuIoasUnmap { IoasId = call.Id("ioas_id"), Iova = call.Number("iova"), Length = call.Number("length") });
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.IOMMU_IOAS_UNMAP);
        return CallAnswer.Of(played.Reply, new JsonObject { ["length"] = FlowNumber.Hex(played.Struct<IommuIoasUnmap>().Length) });
    }

    private static async Task<CallAnswer> Option(CallArguments call)
    {
        Put(call, new IommuOption
        {
            OptionId = call.Flags("option_id", Options), Op = (ushort)call.Flags("op", OptionOps), ObjectId = call.Id("object_id"), Val64 = call.Number("val64"),
        });
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.IOMMU_OPTION);
        return CallAnswer.Of(played.Reply, new JsonObject { ["val64"] = played.Struct<IommuOption>().Val64 });
    }

    private static async Task<CallAnswer> VfioIoas(CallArguments call)
    {
        Put(call, new IommuVfioIoas { IoasId = call.Id("ioas_id"), Op = (ushort)call.Flags("op", CompatOps) });
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.IOMMU_VFIO_IOAS);
        return CallAnswer.Of(played.Reply, new JsonObject { ["ioas_id"] = call.Process.NameOf(call.Call.Out?["ioas_id"], played.Struct<IommuVfioIoas>().IoasId) });
    }

    private static async Task<CallAnswer> HwptAlloc(CallArguments call)
    {
        uint length = call.Word("data_len");
        Put(call, new IommuHwptAlloc
        {
            Flags = call.Flags("flags", HwptFlags), DevId = call.Id("dev_id"), PtId = call.Id("pt_id"), Reserved = call.Word("__reserved"),
            DataType = call.Flags("data_type", DataTypes), DataLen = length, FaultId = call.Id("fault_id"),
        });
        ulong data = length == 0 ? 0 : call.Process.Put(new byte[Math.Min(length, LongestBitmap)]);
        return await Again<IommuHwptAlloc>(
            call, IoctlCodes.IOMMU_HWPT_ALLOC, (ref IommuHwptAlloc it) => it.DataUptr = data,
            played => played.Succeeded ? Id(call, "out_hwpt_id", played.Struct<IommuHwptAlloc>().OutHwptId) : []);
    }

    private static async Task<CallAnswer> HwInfo(CallArguments call)
    {
        uint length = call.Word("data_len");
        Put(call, new IommuHwInfo { Flags = call.Word("flags"), DevId = call.Id("dev_id"), DataLen = length });
        byte[] untouched = new byte[Math.Min(length, LongestBitmap)];
        Array.Fill(untouched, (byte)0xff);
        ulong data = length == 0 ? 0 : call.Process.Put(untouched);
        return await Again<IommuHwInfo>(call, IoctlCodes.IOMMU_GET_HW_INFO, (ref IommuHwInfo it) => it.DataUptr = data, played => InfoOf(played, length));
    }

    private static JsonObject InfoOf(PlayedCall played, uint room)
    {
        var info = played.Struct<IommuHwInfo>();
        var outputs = new JsonObject
        {
            ["out_data_type"] = info.OutDataType, ["data_len"] = info.DataLen, ["out_capabilities"] = FlowNumber.Hex(info.OutCapabilities),
            ["out_max_pasid_log2"] = info.OutMaxPasidLog2,
        };
        byte[] data = played.Buffers.Length > 1 ? played.Buffers[1] : [];
        outputs["tail_zeroed"] = data.Skip((int)Math.Min(info.DataLen, room)).All(one => one == 0);
        if (info.OutDataType == VtdFirstStage && data.Length >= Size<IommuHwInfoVtd>())
        {
            var vtd = MemoryMarshal.Read<IommuHwInfoVtd>(data);
            outputs["vtd"] = new JsonObject
            {
                ["flags"] = vtd.Flags, ["cap_reg"] = FlowNumber.Hex(vtd.CapReg), ["ecap_reg"] = FlowNumber.Hex(vtd.EcapReg), ["ecap_SC"] = (vtd.EcapReg >> 7) & 1,
            };
        }

        return outputs;
    }

    private static async Task<CallAnswer> SetDirtyTracking(CallArguments call)
    {
        Put(call, new IommuHwptSetDirtyTracking { Flags = call.Word("flags"), HwptId = call.Id("hwpt_id") });
        return CallAnswer.Of((await call.Process.Ioctl(call.File, IoctlCodes.IOMMU_HWPT_SET_DIRTY_TRACKING)).Reply);
    }

    private static async Task<CallAnswer> GetDirtyBitmap(CallArguments call)
    {
        ulong pageSize = call.Number("page_size"), length = call.Number("length");
        Put(call, new IommuHwptGetDirtyBitmap
        {
            HwptId = call.Id("hwpt_id"), Flags = call.Word("flags"), Iova = call.Number("iova"), Length = length, PageSize = pageSize,
        });
        ulong words = pageSize == 0 ? 1 : Math.Min((length / pageSize / 64) + 1, LongestBitmap / sizeof(ulong));
        ulong data = call.Process.Put(new byte[words * sizeof(ulong)]);
        return await Again<IommuHwptGetDirtyBitmap>(
            call, IoctlCodes.IOMMU_HWPT_GET_DIRTY_BITMAP, (ref IommuHwptGetDirtyBitmap it) => it.Data = data,
            played => new JsonObject { ["word0"] = FlowNumber.Hex(BitConverter.ToUInt64(played.Buffers[1])) });
    }

    /// <summary>
    /// What the entries hold is not recorded. So that one is bad where the kernel found one: the recorded number of entries done tells which, the errno tells how.
    /// </summary>
    private static async Task<CallAnswer> Invalidate(CallArguments call)
    {
        uint number = call.Word("entry_num"), entryLength = call.Word("entry_len"), type = call.Flags("data_type", InvalidateTypes);
        Put(call, new IommuHwptInvalidate { HwptId = call.Id("hwpt_id"), DataType = type, EntryLen = entryLength, EntryNum = number });
        byte[] entries = new byte[Math.Min((ulong)number * entryLength, LongestBitmap)];
        int bad = FlowNumber.TryRead(call.Call.Out?["entry_num"], out ulong done) && done < number ? (int)done : -1;
        if (bad >= 0 && entryLength >= Size<IommuHwptInvalidateSelftest>() && ((uint)bad + 1) * (ulong)entryLength <= (ulong)entries.Length)
        {
            var entry = new IommuHwptInvalidateSelftest
            {
                Flags = call.Call.Errno == nameof(Errno.EOPNOTSUPP) ? ~0U : 0, IotlbId = call.Call.Errno == nameof(Errno.EINVAL) ? ~0U : 0,
            };
            MemoryMarshal.Write(entries.AsSpan(bad * (int)entryLength), in entry);
        }

        ulong data = entries.Length == 0 ? 0 : call.Process.Put(entries);
        return await Again<IommuHwptInvalidate>(
            call, IoctlCodes.IOMMU_HWPT_INVALIDATE, (ref IommuHwptInvalidate it) => it.DataUptr = data,
            played => new JsonObject { ["entry_num"] = played.Struct<IommuHwptInvalidate>().EntryNum });
    }

    private static async Task<CallAnswer> FaultQueueAlloc(CallArguments call)
    {
        Put(call, new IommuFaultAlloc { Flags = call.Word("flags") });
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.IOMMU_FAULT_QUEUE_ALLOC);
        if (!played.Succeeded)
        {
            return CallAnswer.Of(played.Reply);
        }

        var queue = played.Struct<IommuFaultAlloc>();
        JsonObject outputs = Id(call, "out_fault_id", queue.OutFaultId);
        string name = call.Call.Out?["out_fault_fd"]?.ToString() ?? "faultfd";
        call.Process.NameFile(name, (int)queue.OutFaultFd);
        outputs["out_fault_fd"] = name;
        return CallAnswer.Of(played.Reply, outputs);
    }
}
