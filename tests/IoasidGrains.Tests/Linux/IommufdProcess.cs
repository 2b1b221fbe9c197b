// A process with one open /dev/iommu, and iommufd's ioctls in short; used by the tests of iommufd.
using System.Runtime.InteropServices;
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;
using static IoasidGrains.Tests.Linux.KernelProcess;

namespace IoasidGrains.Tests.Linux;

/// <summary>Calls answer an id, an IOVA or a number of bytes, else minus an errno.</summary>
public sealed class IommufdProcess
{
    public const ulong Page = 4096, UserBuffer = 0x1_0000_0000, BufferBytes = 32 << 20, Unmapped = 0xdead_0000;
    public const uint Fixed = 1, ReadWrite = 6;

    private const uint FixedIova = Fixed | ReadWrite;

    public IommufdProcess(params DeviceFacts[] devices)
        : this(ProcessOptions.Default with { Selftest = true, Memory = [new UserRegion(UserBuffer, UserBuffer + BufferBytes - 1, true)] }, devices)
    {
    }

    public IommufdProcess(ProcessOptions options, params DeviceFacts[] devices)
    {
        Process = new KernelProcess(options, devices);
        File = Process.MustOpen("/dev/iommu");
    }

    public KernelProcess Process { get; }

    public int File { get; }

    public static long Minus(Errno errno) => -(long)errno;

    public uint Ioas()
    {
        var alloc = new IommuIoasAlloc { Size = 12 };
        return (uint)Answer(Process.Ioctl(File, IoctlCodes.IOMMU_IOAS_ALLOC, ref alloc), alloc.OutIoasId);
    }

    public long Destroy(uint id)
    {
        var destroy = new IommuDestroy { Size = 8, Id = id };
        return Process.Ioctl(File, IoctlCodes.IOMMU_DESTROY, ref destroy);
    }

    public long Map(uint ioas, ulong iova, ulong length, ulong address = UserBuffer, uint flags = FixedIova)
    {
        var map = new IommuIoasMap { Size = 40, Flags = flags, IoasId = ioas, UserVa = address, Length = length, Iova = iova };
        return Answer(Process.Ioctl(File, IoctlCodes.IOMMU_IOAS_MAP, ref map), (long)map.Iova);
    }

    /// <summary>At a place that is chosen.</summary>
    public long MapAnywhere(uint ioas, ulong length, ulong address = UserBuffer) => Map(ioas, 0, length, address, ReadWrite);

    public long Unmap(uint ioas, ulong iova, ulong length)
    {
        var unmap = new IommuIoasUnmap { Size = 24, IoasId = ioas, Iova = iova, Length = length };
        return Answer(Process.Ioctl(File, IoctlCodes.IOMMU_IOAS_UNMAP, ref unmap), (long)unmap.Length);
    }

    public long Copy(uint to, uint from, ulong toIova, ulong fromIova, ulong length, uint flags = FixedIova)
    {
        var copy = new IommuIoasCopy { Size = 40, Flags = flags, DstIoasId = to, SrcIoasId = from, Length = length, DstIova = toIova, SrcIova = fromIova };
        return Answer(Process.Ioctl(File, IoctlCodes.IOMMU_IOAS_COPY, ref copy), (long)copy.DstIova);
    }

    public long Allow(uint ioas, params (ulong Start, ulong Last)[] ranges)
    {
        var allow = new IommuIoasAllowIovas { Size = 24, IoasId = ioas, NumIovas = (uint)ranges.Length, AllowedIovas = CallMemory + Page };
        byte[] list = [.. ranges.SelectMany(range => (byte[])[.. BitConverter.GetBytes(range.Start), .. BitConverter.GetBytes(range.Last)])];
        return Process.Bytes(File, IoctlCodes.IOMMU_IOAS_ALLOW_IOVAS, Bytes(allow), new UserBytes(CallMemory + Page, list));
    }

    /// <summary>IOVA_RANGES: what nothing reserves, and the alignment.</summary>
    public (string Ranges, ulong Alignment) Usable(uint ioas)
    {
        const int Most = 8;
        byte[] head = Bytes(new IommuIoasIovaRanges { Size = 32, IoasId = ioas, NumIovas = Most, AllowedIovas = CallMemory + Page }), list = new byte[Most * 16];
        Assert.Equal(0, Process.Bytes(File, IoctlCodes.IOMMU_IOAS_IOVA_RANGES, head, new UserBytes(CallMemory + Page, list)));
        var answer = MemoryMarshal.Read<IommuIoasIovaRanges>(head);
        IEnumerable<string> ranges = MemoryMarshal.Cast<byte, IommuIovaRange>(list).ToArray().Take((int)answer.NumIovas).Select(range => $"{range.Start:x}-{range.Last:x}");
        return (string.Join(' ', ranges), answer.OutIovaAlignment);
    }

    public long Option(uint option, ushort op, ulong value = 0, uint id = 0)
    {
        var cmd = new IommuOption { Size = 24, OptionId = option, Op = op, ObjectId = id, Val64 = value };
        return Answer(Process.Ioctl(File, IoctlCodes.IOMMU_OPTION, ref cmd), (long)cmd.Val64);
    }

    /// <summary>IOMMU_VFIO_IOAS_SET.</summary>
    public long Compat(uint ioas)
    {
        var cmd = new IommuVfioIoas { Size = 12, IoasId = ioas, Op = 1 };
        return Process.Ioctl(File, IoctlCodes.IOMMU_VFIO_IOAS, ref cmd);
    }

    public long HwptAlloc(uint device, uint table, uint flags = 0, uint dataType = 0, byte[]? data = null, uint fault = 0)
    {
        byte[] cmd = Bytes(new IommuHwptAlloc
        {
            Size = 48, Flags = flags, DevId = device, PtId = table, DataType = dataType, DataLen = (uint)(data?.Length ?? 0), DataUptr = CallMemory + Page, FaultId = fault,
        });
        long answer = Process.Bytes(File, IoctlCodes.IOMMU_HWPT_ALLOC, cmd, new UserBytes(CallMemory + Page, data ?? []));
        return Answer(answer, MemoryMarshal.Read<IommuHwptAlloc>(cmd).OutHwptId);
    }

    public long Test(ref IommuTestCmd cmd)
    {
        cmd.Size = (uint)Marshal.SizeOf<IommuTestCmd>();
        return Process.Ioctl(File, IoctlCodes.IOMMU_TEST_CMD, ref cmd);
    }

    /// <summary>A mock device that is attached to a table or an address space.</summary>
    public (long Answer, uint Mock, uint Device, uint Table) Mock(uint table, uint flags = 0)
    {
        var cmd = new IommuTestCmd { Op = flags == 0 ? 2U : 12U, Id = table, DevFlags = flags };
        long answer = Test(ref cmd);
        return (answer, cmd.OutStdevId, cmd.OutIdevId, cmd.OutHwptId);
    }

    public long MockReplace(uint mock, uint table)
    {
        var cmd = new IommuTestCmd { Op = 10, Id = mock, PtId = table };
        return Answer(Test(ref cmd), cmd.PtId);
    }

    /// <summary>Opens a device's node and binds it here: the file and the id.</summary>
    public (int Device, uint Id) Bind(string device)
    {
        int file = Process.MustOpen("/dev/vfio/devices/" + device);
        var bind = new VfioDeviceBindIommufd { Argsz = 16, Iommufd = File };
        Assert.Equal(0, Process.Ioctl(file, IoctlCodes.VFIO_DEVICE_BIND_IOMMUFD, ref bind));
        return (file, bind.OutDevid);
    }

    public long Attach(int device, uint table)
    {
        var attach = new VfioDeviceAttachIommufdPt { Argsz = 12, PtId = table };
        return Answer(Process.Ioctl(device, IoctlCodes.VFIO_DEVICE_ATTACH_IOMMUFD_PT, ref attach), attach.PtId);
    }

    public long Detach(int device)
    {
        var detach = new VfioDeviceDetachIommufdPt { Argsz = 8 };
        return Process.Ioctl(device, IoctlCodes.VFIO_DEVICE_DETACH_IOMMUFD_PT, ref detach);
    }

    public static byte[] Bytes<T>(T value)
        where T : struct
    {
        byte[] bytes = new byte[Marshal.SizeOf<T>()];
        MemoryMarshal.Write(bytes, in value);
        return bytes;
    }

    private static long Answer(long answer, long result) => answer == 0 ? result : answer;
}
