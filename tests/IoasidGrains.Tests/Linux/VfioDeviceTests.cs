// Rules of device files that need no page table, and of regions that are mapped; drivers/vfio/device_cdev.c, vfio_main.c and pci of Linux 6.12.
using System.Runtime.InteropServices;
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;
using static IoasidGrains.Tests.Linux.KernelProcess;

namespace IoasidGrains.Tests.Linux;

public sealed class VfioDeviceTests
{
    private const uint V2 = 3;
    private const ulong Here = 0x5000_0000, Region = 1UL << 40;

    private static long Minus(Errno errno) => -(long)errno;

    private static KernelProcess Opened(out int container, out int device)
    {
        KernelProcess process = new(WithMemory(new UserRegion(0x10_0000, 0x10_ffff, true)), Device("A", Vtd(true)), Device("B", Vtd(false)));
        container = process.Type1(V2, "gA");
        device = (int)process.DeviceFile(4, "A");
        return process;
    }

    [Fact]
    [Trait("case", "93")]
    public void Cdev_AnswersNothingBeforeBind()
    {
        KernelProcess process = new(Device("A", Vtd(true)));
        (int first, int second) = (process.MustOpen("/dev/vfio/devices/A"), process.MustOpen("/dev/vfio/devices/A"));
        uint[] codes = [IoctlCodes.VFIO_DEVICE_GET_INFO, IoctlCodes.VFIO_DEVICE_ATTACH_IOMMUFD_PT, IoctlCodes.VFIO_DEVICE_DETACH_IOMMUFD_PT, IoctlCodes.VFIO_DEVICE_FEATURE, 0x1234];
        Assert.All(codes, code => Assert.Equal(Minus(Errno.EINVAL), process.Ioctl(first, code)));
        Assert.Equal((Minus(Errno.EINVAL), Minus(Errno.EINVAL)), (process.Mmap(second, Here, 0x1000, 0), process.Read(second, 8)));
    }

    [Theory]
    [InlineData(15, 0, 4, Errno.EINVAL)]
    [InlineData(16, 1, 4, Errno.EINVAL)]
    [InlineData(16, 0, -1, Errno.EINVAL)]
    [InlineData(16, 0, 99, Errno.EBADF)]
    [InlineData(16, 0, 1, Errno.EBADFD)]
    [InlineData(16, 0, 3, Errno.EBADFD)]
    [InlineData(16, 0, 4, Errno.OK)]
    public void Bind_ChecksItsArguments(uint argsz, uint flags, int iommufd, Errno errno)
    {
        KernelProcess process = new(Device("A", Vtd(true)));
        int device = process.MustOpen("/dev/vfio/devices/A");
        Assert.Equal(4, process.MustOpen("/dev/iommu"));
        Assert.Equal(Minus(errno), Bind(process, device, iommufd, argsz, flags));
    }

    private static long Bind(KernelProcess process, int device, int iommufd, uint argsz = 16, uint flags = 0)
    {
        var bind = new VfioDeviceBindIommufd { Argsz = argsz, Flags = flags, Iommufd = iommufd };
        return process.Ioctl(device, IoctlCodes.VFIO_DEVICE_BIND_IOMMUFD, ref bind);
    }

    [Fact]
    public void Bind_AndTheGroupsFile_ExcludeEachOther()
    {
        KernelProcess process = new(Device("A", Vtd(true)));
        int iommufd = process.MustOpen("/dev/iommu");
        (int first, int second) = (process.MustOpen("/dev/vfio/devices/A"), process.MustOpen("/dev/vfio/devices/A"));
        int group = process.MustOpen("/dev/vfio/gA");
        Assert.Equal(Minus(Errno.EBUSY), Bind(process, first, iommufd));
        process.Close(group);
        Assert.Equal(0, Bind(process, first, iommufd));
        Assert.Equal(Minus(Errno.EBUSY), process.Open("/dev/vfio/gA"));
        Assert.Equal((Minus(Errno.EINVAL), Minus(Errno.EINVAL)), (Bind(process, first, iommufd), Bind(process, second, iommufd)));
        process.Close(first);
        Assert.Equal(0, Bind(process, second, iommufd));
        process.Close(second);
        Assert.True(process.Open("/dev/vfio/gA") >= 0);
        Assert.DoesNotContain(process.Claims.GroupBy(claim => claim.Claim.Name), name => name.Key.EndsWith("/opened")
            && name.Count(claim => claim.Claim.Kind == ClaimKind.Take) != name.Count(claim => claim.Claim.Kind == ClaimKind.Release));
    }

    [Fact]
    public void DeviceOfAGroup_KnowsNoIoctlOfCdevs()
    {
        KernelProcess process = Opened(out _, out int device);
        Assert.Equal(Minus(Errno.EINVAL), Bind(process, device, 3));
        Assert.Equal(Minus(Errno.ENOTTY), process.Ioctl(device, IoctlCodes.VFIO_DEVICE_ATTACH_IOMMUFD_PT));
        Assert.Equal(Minus(Errno.ENOTTY), process.Ioctl(device, IoctlCodes.VFIO_DEVICE_DETACH_IOMMUFD_PT));
        Assert.Equal(0, process.Ioctl(device, IoctlCodes.VFIO_DEVICE_RESET));
    }

    [Theory]
    [InlineData(0, 0x100000, 7)]
    [InlineData(1, 0, 0)]
    [InlineData(6, 0, 0)]
    [InlineData(7, 4096, 3)]
    [InlineData(8, -22, 0)]
    [InlineData(9, -22, 0)]
    public void RegionInfo_ShowsConfigSpaceAndOneBar(uint index, long size, uint flags)
    {
        KernelProcess process = Opened(out _, out int device);
        var info = new VfioRegionInfo { Argsz = 32, Index = index };
        long answer = process.Ioctl(device, IoctlCodes.VFIO_DEVICE_GET_REGION_INFO, ref info);
        Assert.Equal((size, flags), (answer == 0 ? (long)info.Size : answer, info.Flags));
    }

    [Fact]
    public void DeviceInfo_IsOfAPciDevice()
    {
        KernelProcess process = Opened(out _, out int device);
        var info = new VfioDeviceInfo { Argsz = 20 };
        Assert.Equal(0, process.Ioctl(device, IoctlCodes.VFIO_DEVICE_GET_INFO, ref info));
        Assert.Equal((3U, 9U, 5U), (info.Flags, info.NumRegions, info.NumIrqs));
        info.Argsz = 15;
        Assert.Equal(Minus(Errno.EINVAL), process.Ioctl(device, IoctlCodes.VFIO_DEVICE_GET_INFO, ref info));
    }

    [Theory]
    [InlineData(0x40000, Errno.ENOTTY)]
    [InlineData(0x40003, Errno.OK)]
    [InlineData(0x20003, Errno.OK)]
    [InlineData(0x10003, Errno.EINVAL)]
    [InlineData(0x00003, Errno.EINVAL)]
    [InlineData(0x30001, Errno.EINVAL)]
    [InlineData(0x70001, Errno.ENOTTY)]
    [InlineData(0x80003, Errno.EINVAL)]
    public void Feature_ChecksItsFlags(uint flags, Errno errno)
    {
        KernelProcess process = Opened(out _, out int device);
        var feature = new VfioDeviceFeature { Argsz = 8, Flags = flags };
        Assert.Equal(Minus(errno), process.Ioctl(device, IoctlCodes.VFIO_DEVICE_FEATURE, ref feature));
    }

    [Theory]
    [InlineData(Here, 0x1000, 0, Errno.OK)]
    [InlineData(Here, 0x100000, 0, Errno.OK)]
    [InlineData(Here, 0x1000, 0xff000, Errno.OK)]
    [InlineData(Here, 0x1000, 0x100000, Errno.EINVAL)]
    [InlineData(Here, 0x101000, 0, Errno.EINVAL)]
    [InlineData(Here, 0x1000, Region, Errno.EINVAL)]
    [InlineData(Here, 0x1000, 7 * Region, Errno.EINVAL)]
    [InlineData(Here, 0, 0, Errno.EINVAL)]
    [InlineData(Here, 1, 0xff000, Errno.OK)]
    [InlineData(Here, 0x1001, 0xff000, Errno.EINVAL)]
    [InlineData(Here, ulong.MaxValue, 0, Errno.ENOMEM)]
    [InlineData(Here + 1, 0x1000, 0, Errno.EINVAL)]
    [InlineData(Here, 0x1000, 1, Errno.EINVAL)]
    [InlineData(0x7fff_ffff_f000, 0x1000, 0, Errno.ENOMEM)]
    public void Mmap_TakesPiecesOfTheBar(ulong at, ulong length, ulong offset, Errno errno)
    {
        KernelProcess process = Opened(out _, out int device);
        Assert.Equal(errno == Errno.OK ? (long)at : Minus(errno), process.Mmap(device, at, length, offset));
    }

    [Fact]
    public void Mmap_OfOtherFiles_AnswersEnodev()
    {
        KernelProcess process = Opened(out int container, out _);
        Assert.Equal((Minus(Errno.ENODEV), Minus(Errno.ENODEV), Minus(Errno.EBADF)), (process.Mmap(container, Here, 0x1000, 0), process.Mmap(4, Here, 0x1000, 0), process.Mmap(99, Here, 0x1000, 0)));
    }

    /// <summary>Nothing else is at these addresses, so only a mapped BAR makes MAP succeed. The mapping keeps the device open until the process ends.</summary>
    [Fact]
    public void Region_CanBeMappedForDma_AndKeepsItsDevice()
    {
        KernelProcess process = Opened(out int container, out int device);
        Assert.Equal(Minus(Errno.EFAULT), process.Map(container, 0, 0x2000, Here));
        process.Mmap(device, Here, 0x2000, 0);
        Assert.Equal(0, process.Map(container, 0, 0x2000, Here));
        Assert.Equal(Minus(Errno.EFAULT), process.Map(container, 0x10000, 0x3000, Here));
        Assert.Equal(0UL, process.State.Containers.Values.Single().Type1!.Locked);
        process.Close(device);
        Assert.Equal(Minus(Errno.EBUSY), process.UnsetContainer(4));
        foreach (int file in process.State.Files.Keys.ToArray())
        {
            process.Close(file);
        }

        Assert.Empty(process.State.DeviceFiles);
        Assert.Empty(process.State.VfioGroups);
        Assert.Empty(process.State.Containers);
        Assert.Empty(process.State.Regions);
    }

    [Fact]
    public void Mmap_OverAMapping_ReplacesThatPiece()
    {
        KernelProcess process = Opened(out _, out int device);
        process.Mmap(device, Here, 0x4000, 0);
        process.Mmap(device, Here + 0x1000, 0x1000, 0);
        Assert.Equal([Here, Here + 0x1000, Here + 0x2000], process.State.Regions.Keys);
        Assert.Equal(4, process.State.DeviceFiles.Values.Single().References);
    }

    /// <summary>vfio_irq_set: argsz, flags, index, start, count.</summary>
    [Theory]
    [InlineData(20, 0x21, 1, 0, 0, Errno.OK)]
    [InlineData(20, 0x21, 1, 0, 1, Errno.OK)]
    [InlineData(19, 0x21, 1, 0, 0, Errno.EINVAL)]
    [InlineData(20, 0x21, 5, 0, 0, Errno.EINVAL)]
    [InlineData(20, 0x21, 2, 0, 0, Errno.EINVAL)]
    [InlineData(20, 0x61, 1, 0, 0, Errno.EINVAL)]
    [InlineData(20, 0x20, 1, 0, 0, Errno.EINVAL)]
    [InlineData(20, 0x24, 1, 0, 1, Errno.EINVAL)]
    [InlineData(24, 0x24, 1, 0, 1, Errno.EFAULT)]
    [InlineData(20, 0x21, 1, 1, 1, Errno.EINVAL)]
    [InlineData(20, 0x21, 1, 0, uint.MaxValue, Errno.EINVAL)]
    public void SetIrqs_ChecksItsArguments(uint argsz, uint flags, uint index, uint start, uint count, Errno errno)
    {
        KernelProcess process = Opened(out _, out int device);
        byte[] bytes = MemoryMarshal.AsBytes<uint>(new[] { argsz, flags, index, start, count }).ToArray();
        Assert.Equal(Minus(errno), process.Bytes(device, IoctlCodes.VFIO_DEVICE_SET_IRQS, bytes));
    }
}
