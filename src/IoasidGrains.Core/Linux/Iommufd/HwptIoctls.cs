// iommufd's ioctls on tables and devices: HWPT_ALLOC, GET_HW_INFO, HWPT_INVALIDATE. Called by Iommufd.
using System.Runtime.InteropServices;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>In the order of checks of hw_pagetable.c and device.c.</summary>
public static class HwptIoctls
{
    private const uint DataNone = LinuxFlags.IOMMU_HWPT_DATA_NONE, DataVtdFirstStage = LinuxFlags.IOMMU_HWPT_DATA_VTD_S1,
        DataSelftest = LinuxFlags.IOMMU_HWPT_DATA_SELFTEST;
    private const uint InvalidateVtd = LinuxFlags.IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, InvalidateSelftest = LinuxFlags.IOMMU_HWPT_INVALIDATE_DATA_SELFTEST;
    private const uint InfoNone = LinuxFlags.IOMMU_HW_INFO_TYPE_NONE, InfoVtd = LinuxFlags.IOMMU_HW_INFO_TYPE_INTEL_VTD,
        InfoSelftest = LinuxFlags.IOMMU_HW_INFO_TYPE_SELFTEST;
    private const uint MaxEntries = 1 << 19;
    private const int MockEntries = (int)LinuxFlags.MOCK_NESTED_DOMAIN_IOTLB_NUM;

    public static Errno Alloc(IommufdCall call)
    {
        Errno errno = call.Read(24, out IommuHwptAlloc cmd);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (cmd.Reserved != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if ((cmd.DataType == DataNone) != (cmd.DataLen == 0))
        {
            return Errno.EINVAL;
        }

        if (call.Context.Find<IommufdDevice>(cmd.DevId) is not { } device)
        {
            return Errno.ENOENT;
        }

        errno = call.Context.Objects.GetValueOrDefault(cmd.PtId) switch
        {
            Ioas ioas => AllocPaging(call, ioas, device, ref cmd),
            PagingHwpt parent => AllocNested(call, parent, device, ref cmd),
            _ => Errno.EINVAL,
        };
        errno = errno == Errno.OK ? call.Respond(cmd) : errno;
        if (errno != Errno.OK)
        {
            call.Undo();
        }

        return errno;
    }

    private static Errno AllocPaging(IommufdCall call, Ioas ioas, IommufdDevice device, ref IommuHwptAlloc cmd)
    {
        Errno errno = Tables.CheckFlags(device.Domain, cmd.Flags, cmd.DataLen != 0);
        return errno != Errno.OK ? errno
            : Tables.Make(call, ioas.Id, device, cmd.Flags, Policy.FormatFor(device), auto: false, attach: false, out cmd.OutHwptId);
    }

    private static Errno AllocNested(IommufdCall call, PagingHwpt parent, IommufdDevice device, ref IommuHwptAlloc cmd)
    {
        if ((cmd.Flags & ~Tables.FaultIdValid) != 0 || cmd.DataLen == 0 || !device.Domain.TakesFlags)
        {
            return Errno.EOPNOTSUPP;
        }

        if (parent.Auto || !parent.NestParent || parent.Maker.Driver != device.Domain.Driver)
        {
            return Errno.EINVAL;
        }

        if (!device.Domain.Nesting || cmd.DataType != (device.Domain.IsMock ? DataSelftest : DataVtdFirstStage))
        {
            return Errno.EOPNOTSUPP;
        }

        Errno errno = ReadData(call, cmd.DataUptr, cmd.DataLen, device.Domain.IsMock ? Marshal.SizeOf<IommuHwptSelftest>() : Marshal.SizeOf<IommuHwptVtdS1>(), out byte[] data);
        if (errno != Errno.OK)
        {
            return errno;
        }

        bool faults = (cmd.Flags & Tables.FaultIdValid) != 0;
        if (faults && call.Context.Find<FaultQueue>(cmd.FaultId) is null)
        {
            return Errno.ENOENT;
        }

        cmd.OutHwptId = call.Context.FreeId;
        uint[] entries = device.Domain.IsMock ? [.. Enumerable.Repeat(MemoryMarshal.Read<IommuHwptSelftest>(data).Iotlb, MockEntries)] : [];
        VtdFirstStage? stage = device.Domain.IsMock ? null : FirstStage(MemoryMarshal.Read<IommuHwptVtdS1>(data));
        call.Context = call.Context.With(new NestedHwpt(cmd.OutHwptId, parent.Id, [.. entries]) { FaultQueue = faults ? cmd.FaultId : 0, FirstStage = stage });
        return Errno.OK;
    }

    private static VtdFirstStage FirstStage(in IommuHwptVtdS1 data) => new(data.Flags, data.AddrWidth);

    /// <summary>User data of a driver: unlike an ioctl's own struct it must not be longer either.</summary>
    private static Errno ReadData(IommufdCall call, ulong address, uint length, int size, out byte[] data)
    {
        data = new byte[size];
        return length != size ? Errno.EINVAL : call.Frame.TryRead(address, data) ? Errno.OK : Errno.EFAULT;
    }

    public static Errno HwInfo(IommufdCall call)
    {
        Errno errno = call.Read(32, out IommuHwInfo cmd);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (cmd.Flags != 0 || (cmd.Reserved0 | cmd.Reserved1 | cmd.Reserved2) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if (call.Context.Find<IommufdDevice>(cmd.DevId) is not { } device)
        {
            return Errno.ENOENT;
        }

        (cmd.OutDataType, byte[] data) = InfoOf(device);
        uint copied = Math.Min(cmd.DataLen, (uint)data.Length);
        if (!call.Frame.TryWrite(cmd.DataUptr, data.AsSpan(0, (int)copied)) || !Clear(call.Frame, cmd.DataUptr + copied, cmd.DataLen - copied))
        {
            return Errno.EFAULT;
        }

        cmd.DataLen = (uint)data.Length;
        cmd.OutCapabilities = device.Domain.Dirty ? 1UL : 0UL;
        cmd.OutMaxPasidLog2 = 0;
        return call.Respond(cmd);
    }

    private static (uint Type, byte[] Data) InfoOf(IommufdDevice device)
    {
        switch (device.Domain.Driver)
        {
            case null:
                return (InfoSelftest, Bytes(new IommuTestHwInfo { TestReg = 0xdeadbeef }));
            case IommuDriver.Vtd:
                VtdRegisters registers = VtdRegisters.Of(device.Facts!.Unit!);
                return (InfoVtd, Bytes(new IommuHwInfoVtd { Flags = 1, CapReg = registers.Cap, EcapReg = registers.Ecap }));
            default:
                return (InfoNone, []);
        }
    }

    private static byte[] Bytes<T>(T value)
        where T : struct
    {
        byte[] bytes = new byte[Marshal.SizeOf<T>()];
        MemoryMarshal.Write(bytes, in value);
        return bytes;
    }

    private static bool Clear(SyscallFrame frame, ulong address, uint length)
    {
        ReadOnlySpan<byte> zeros = stackalloc byte[256];
        for (uint done = 0; done < length; done += (uint)zeros.Length)
        {
            if (!frame.TryWrite(address + done, zeros[..(int)Math.Min(zeros.Length, length - done)]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The number of entries that were done is told in any case.</summary>
    public static Errno Invalidate(IommufdCall call)
    {
        Errno errno = call.Read(32, out IommuHwptInvalidate cmd);
        if (errno != Errno.OK)
        {
            return errno;
        }

        errno = Invalidate(call, cmd, out cmd.EntryNum);
        return call.Respond(cmd) == Errno.OK ? errno : Errno.EFAULT;
    }

    private static Errno Invalidate(IommufdCall call, IommuHwptInvalidate cmd, out uint done)
    {
        done = 0;
        if (cmd.Reserved != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if (cmd.EntryNum != 0 && (cmd.DataUptr == 0 || cmd.EntryLen is 0 or > (uint)Quantity.PageSize || cmd.EntryNum > MaxEntries))
        {
            return Errno.EINVAL;
        }

        if (call.Context.Find<NestedHwpt>(cmd.HwptId) is not { } nested)
        {
            return Errno.ENOENT;
        }

        bool mock = call.Context.PagingOf(nested.Id)!.Maker.IsMock;
        if (cmd.DataType != (mock ? InvalidateSelftest : InvalidateVtd))
        {
            return Errno.EINVAL;
        }

        int size = mock ? Marshal.SizeOf<IommuHwptInvalidateSelftest>() : Marshal.SizeOf<IommuHwptVtdS1Invalidate>();
        for (; done < cmd.EntryNum; done++)
        {
            Errno errno = ReadData(call, cmd.DataUptr + ((ulong)done * cmd.EntryLen), cmd.EntryLen, size, out byte[] entry);
            errno = errno != Errno.OK ? errno : mock ? InvalidateMock(ref nested, entry) : CheckVtd(MemoryMarshal.Read<IommuHwptVtdS1Invalidate>(entry));
            if (errno != Errno.OK)
            {
                call.Context = call.Context.With(nested);
                return errno;
            }
        }

        call.Context = call.Context.With(nested);
        return Errno.OK;
    }

    private static Errno InvalidateMock(ref NestedHwpt nested, byte[] bytes)
    {
        const uint All = LinuxFlags.IOMMU_TEST_INVALIDATE_FLAG_ALL;
        var entry = MemoryMarshal.Read<IommuHwptInvalidateSelftest>(bytes);
        if ((entry.Flags & ~All) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if (entry.IotlbId >= MockEntries)
        {
            return Errno.EINVAL;
        }

        nested = nested with { Entries = (entry.Flags & All) != 0 ? [.. new uint[MockEntries]] : nested.Entries.SetItem((int)entry.IotlbId, 0) };
        return Errno.OK;
    }

    private static Errno CheckVtd(in IommuHwptVtdS1Invalidate entry)
    {
        const uint Leaf = LinuxFlags.IOMMU_VTD_INV_FLAGS_LEAF;
        return (entry.Flags & ~Leaf) != 0 || entry.Reserved != 0 ? Errno.EOPNOTSUPP
            : entry.Addr % Quantity.PageSize != 0 || (entry.Npages == ulong.MaxValue && entry.Addr != 0) ? Errno.EINVAL : Errno.OK;
    }
}
