// Rules of the kvm-vfio device, as virt/kvm/vfio.c of Linux 6.12 has them.
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;
using static IoasidGrains.Tests.Linux.KernelProcess;

namespace IoasidGrains.Tests.Linux;

public sealed class KvmVfioTests
{
    private const ulong Add = 1, Delete = 2, SpaprTce = 3;
    private const ulong FileAt = 0x7f00_1000_0000;

    private static long Minus(Errno errno) => -(long)errno;

    /// <summary>/dev/kvm is 3, the VM 4, kvm-vfio 5.</summary>
    private static KernelProcess WithVm()
    {
        KernelProcess process = new(ProcessOptions.Default with { NoIommu = true }, Device("A", Vtd(true)), Device("B", Vtd(false)), Device("N", null));
        Assert.Equal((3, 4), (process.Open("/dev/kvm"), process.Ioctl(3, IoctlCodes.KVM_CREATE_VM)));
        Assert.Equal(5, CreateDevice(process, 4));
        return process;
    }

    private static long CreateDevice(KernelProcess process, int vm, uint type = 4, uint flags = 0)
    {
        var create = new KvmCreateDevice { Type = type, Fd = 77, Flags = flags };
        long answer = process.Ioctl(vm, IoctlCodes.KVM_CREATE_DEVICE, ref create);
        return answer == 0 ? create.Fd : answer;
    }

    private static long Change(KernelProcess process, ulong attribute, int file, uint group = 1, uint code = IoctlCodes.KVM_SET_DEVICE_ATTR, ulong at = FileAt)
    {
        var bytes = new byte[24];
        BitConverter.TryWriteBytes(bytes.AsSpan(4), group);
        BitConverter.TryWriteBytes(bytes.AsSpan(8), attribute);
        BitConverter.TryWriteBytes(bytes.AsSpan(16), at);
        return process.Bytes(5, code, bytes, new UserBytes(FileAt, BitConverter.GetBytes(file)));
    }

    [Theory]
    [InlineData(4, 0, Errno.EBUSY)]
    [InlineData(4, 1, Errno.OK)]
    [InlineData(3, 0, Errno.ENODEV)]
    [InlineData(99, 1, Errno.ENODEV)]
    public void CreateDevice_OneForAVm(uint type, uint flags, Errno errno) =>
        Assert.Equal(errno == Errno.OK ? 77 : Minus(errno), CreateDevice(WithVm(), 4, type, flags));

    [Fact]
    public void CreateDevice_AfterTheFirstIsClosed()
    {
        KernelProcess process = WithVm();
        process.Close(5);
        Assert.Equal(5, CreateDevice(process, 4));
    }

    [Theory]
    [InlineData(1, Add, Errno.OK)]
    [InlineData(1, Delete, Errno.OK)]
    [InlineData(1, SpaprTce, Errno.ENXIO)]
    [InlineData(1, 0, Errno.ENXIO)]
    [InlineData(0, Add, Errno.ENXIO)]
    [InlineData(2, Add, Errno.ENXIO)]
    public void HasAttr_KnowsAddAndDelete(uint group, ulong attribute, Errno errno)
    {
        KernelProcess process = WithVm();
        Assert.Equal(Minus(errno), Change(process, attribute, -1, group, IoctlCodes.KVM_HAS_DEVICE_ATTR));
        Assert.Equal(Minus(errno == Errno.OK ? Errno.EBADF : errno), Change(process, attribute, -1, group));
        Assert.Equal(Minus(Errno.EPERM), Change(process, attribute, -1, group, IoctlCodes.KVM_GET_DEVICE_ATTR));
        Assert.Equal(Minus(errno == Errno.OK ? Errno.EFAULT : errno), Change(process, attribute, -1, group, at: 0x1000));
        Assert.Equal(Minus(Errno.ENOTTY), process.Ioctl(5, 0x1234));
    }

    [Fact]
    public void Add_TakesVfioFilesOnce()
    {
        KernelProcess process = WithVm();
        (int group, int device, int same) = (process.MustOpen("/dev/vfio/gA"), process.MustOpen("/dev/vfio/devices/B"), process.MustOpen("/dev/vfio/devices/B"));
        Assert.Equal((Minus(Errno.EINVAL), Minus(Errno.EINVAL)), (Change(process, Add, 1), Change(process, Add, process.MustOpen("/dev/vfio/vfio"))));
        Assert.Equal((0, Minus(Errno.EEXIST)), (Change(process, Add, group), Change(process, Add, group)));
        Assert.Equal((0, 0), (Change(process, Add, device), Change(process, Add, same)));
        Assert.Equal((0, Minus(Errno.ENOENT)), (Change(process, Delete, group), Change(process, Delete, group)));
        Assert.Equal([1], process.NoncoherentCounts);
        Assert.Equal((0, 0), (Change(process, Delete, device), Change(process, Delete, same)));
        Assert.Equal([1, 0], process.NoncoherentCounts);
        Assert.Equal([true, false], process.Live.OfType<NoncoherentDma>().Select(dma => dma.Registered));
    }

    [Theory]
    [InlineData("/dev/vfio/gA", false)]
    [InlineData("/dev/vfio/gB", true)]
    [InlineData("/dev/vfio/noiommu-gN", true)]
    [InlineData("/dev/vfio/devices/A", false)]
    [InlineData("/dev/vfio/devices/B", true)]
    public void Add_OfAFile_WhoseDeviceCannotEnforce_RegistersNoncoherentDma(string path, bool registers)
    {
        KernelProcess process = WithVm();
        Assert.Equal(0, Change(process, Add, process.MustOpen(path)));
        process.Close(5);
        Assert.Equal(registers ? [1, 0] : [], process.NoncoherentCounts);
    }

    /// <summary>A listed file stays open after its descriptor is closed; it goes with the kvm-vfio device, in whichever order the VM is closed.</summary>
    [Theory]
    [InlineData(4, 5)]
    [InlineData(5, 4)]
    public void ListedFile_IsKept(int first, int second)
    {
        KernelProcess process = WithVm();
        int group = process.MustOpen("/dev/vfio/gB");
        int container = process.MustOpen("/dev/vfio/vfio");
        process.SetContainer(group, container);
        process.SetIommu(container, 3);
        Change(process, Add, group);
        process.Close(group);
        Assert.Equal(Minus(Errno.EBUSY), process.Open("/dev/vfio/gB"));
        Assert.Equal(0, process.Extension(container, 4));
        process.Close(first);
        Assert.Equal(first == 4 ? [1] : [1, 0], process.NoncoherentCounts);
        process.Close(second);
        Assert.Equal([1, 0], process.NoncoherentCounts);
        Assert.True(process.Open("/dev/vfio/gB") >= 0);
        Assert.Empty(process.State.Vms);
    }

    [Theory]
    [InlineData(0xae00, 0, 12)]
    [InlineData(0xae00, 1, -22)]
    [InlineData(0xae01, 5, -22)]
    [InlineData(0xae03, 89, 1)]
    [InlineData(0xae03, 9999, 0)]
    [InlineData(0xae04, 0, 12288)]
    [InlineData(0x1234, 0, -22)]
    public void System_AnswersItsIoctls(uint code, ulong argument, long answer) => Assert.Equal(answer, WithVm().Ioctl(3, code, argument));
}
