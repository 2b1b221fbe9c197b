// A process for tests of the Linux dialects: system calls run on its state directly, without a store or objects.
using System.Runtime.InteropServices;
using System.Text;
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Tests.Linux;

/// <summary>Answers are the kernel's: zero or more, or minus an errno.</summary>
public sealed class KernelProcess
{
    public const string Host = "h";

    /// <summary>Where buffers of calls lie.</summary>
    public const ulong CallMemory = 0x7f00_0000_0000;

    private readonly FdId _id = new(Host + "/process");

    public KernelProcess(ProcessOptions options, params DeviceFacts[] devices) => State = new ProcessState(options).Sees(devices);

    public KernelProcess(params DeviceFacts[] devices)
        : this(ProcessOptions.Default, devices)
    {
    }

    public ProcessState State { get; private set; }

    /// <summary>Of all calls so far.</summary>
    public List<LiveChange> Live { get; } = [];

    public List<(Claim Claim, Errno IfRefused)> Claims { get; } = [];

    public List<int> NoncoherentCounts { get; } = [];

    public static IommuCapabilities Vtd(bool enforces, int width = 48) => new(enforces, width, 0x40201000, false, []);

    public static DeviceFacts Device(string name, IommuCapabilities? unit, string? group = null, params IovaRange[] reserved) => new(
        new DeviceId($"{Host}/{name}"),
        new DeviceTraits(new UnitId(Host + "/iommu"), new GroupId($"{Host}/{group ?? "g" + name}"), default, false, DeviceDriver.VfioPci, DriverOpens.AtBind, reserved), unit);

    /// <summary>A process with this memory, beginning here.</summary>
    public static ProcessOptions WithMemory(params UserRegion[] memory) => ProcessOptions.Default with { Memory = memory };

    public long Open(string path) => Run(new SysOpen(_id, path), out _);

    public int MustOpen(string path)
    {
        long file = Open(path);
        Assert.True(file >= 0, $"open({path}) answers {file}");
        return (int)file;
    }

    public long Close(int file) => Run(new SysClose(_id, file), out _);

    public long Mmap(int file, ulong at, ulong length, ulong offset) => Run(new SysMmap(_id, file, at, length, offset), out _);

    public long Read(int file, ulong length) => Run(new SysRead(_id, file, CallMemory, length), out _);

    /// <summary>With a number as argument.</summary>
    public long Ioctl(int file, uint code, ulong argument = 0) => Run(new SysIoctl(_id, file, code, argument, []), out _);

    /// <summary>With a struct, which is afterwards as the kernel left it.</summary>
    public long Ioctl<T>(int file, uint code, ref T value)
        where T : struct
    {
        var bytes = new byte[Marshal.SizeOf<T>()];
        MemoryMarshal.Write(bytes, in value);
        long answer = Bytes(file, code, bytes);
        value = MemoryMarshal.Read<T>(bytes);
        return answer;
    }

    /// <summary>With bytes, and others at their own addresses.</summary>
    public long Bytes(int file, uint code, byte[] argument, params UserBytes[] others)
    {
        UserBytes[] memory = [new(CallMemory, argument), .. others];
        long answer = Run(new SysIoctl(_id, file, code, CallMemory, memory), out UserBytes[] written);
        foreach (UserBytes one in written)
        {
            one.Data.CopyTo(memory.First(bytes => bytes.Address == one.Address).Data, 0);
        }

        return answer;
    }

    // ---- the usual calls ----------------------------------------------------------------------------------------------------------------

    public long SetContainer(int group, int container) => Ioctl(group, IoctlCodes.VFIO_GROUP_SET_CONTAINER, ref container);

    public long UnsetContainer(int group) => Ioctl(group, IoctlCodes.VFIO_GROUP_UNSET_CONTAINER);

    public long SetIommu(int container, ulong type) => Ioctl(container, IoctlCodes.VFIO_SET_IOMMU, type);

    public long Extension(int container, ulong extension) => Ioctl(container, IoctlCodes.VFIO_CHECK_EXTENSION, extension);

    public long DeviceFile(int group, string name) => Bytes(group, IoctlCodes.VFIO_GROUP_GET_DEVICE_FD, [.. Encoding.ASCII.GetBytes(name), 0]);

    /// <summary>A container with these groups, whose driver is type1.</summary>
    public int Type1(ulong type, params string[] groups)
    {
        int container = MustOpen("/dev/vfio/vfio");
        foreach (string group in groups)
        {
            Assert.Equal(0, SetContainer(MustOpen($"/dev/vfio/{group}"), container));
        }

        Assert.Equal(0, SetIommu(container, type));
        return container;
    }

    public long Map(int container, ulong iova, ulong size, ulong vaddr = 0x1_0000_0000, uint flags = 3)
    {
        var map = new VfioIommuType1DmaMap { Argsz = 32, Flags = flags, Vaddr = vaddr, Iova = iova, Size = size };
        return Ioctl(container, IoctlCodes.VFIO_IOMMU_MAP_DMA, ref map);
    }

    /// <summary>The bytes that were unmapped, or minus an errno.</summary>
    public long Unmap(int container, ulong iova, ulong size, uint flags = 0)
    {
        var unmap = new VfioIommuType1DmaUnmap { Argsz = 24, Flags = flags, Iova = iova, Size = size };
        long answer = Ioctl(container, IoctlCodes.VFIO_IOMMU_UNMAP_DMA, ref unmap);
        return answer == 0 ? (long)unmap.Size : answer;
    }

    private long Run(Syscall call, out UserBytes[] written)
    {
        SyscallFrame frame = SyscallFrame.Of(State, call);
        long answer = Syscalls.Run(frame, call);
        State = frame.State;
        Live.AddRange(frame.Live);
        Claims.AddRange(frame.Claims);
        NoncoherentCounts.AddRange(frame.NoncoherentCounts);
        written = frame.Written();
        return answer;
    }
}
