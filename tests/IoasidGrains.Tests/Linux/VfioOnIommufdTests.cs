// Rules of devices and groups on an iommufd: what lives as long as what, and in which order it is let go.
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;
using static IoasidGrains.Tests.Linux.KernelProcess;

namespace IoasidGrains.Tests.Linux;

public sealed class VfioOnIommufdTests
{
    private const uint V2 = 3;

    private static long Minus(Errno errno) => -(long)errno;

    private static KernelProcess Two() => new(ProcessOptions.Default with { NoIommu = true }, Device("A", Vtd(true)), Device("B", Vtd(false)), Device("N", null));

    private static long Bind(KernelProcess process, int device, int iommufd)
    {
        var bind = new VfioDeviceBindIommufd { Argsz = 16, Iommufd = iommufd };
        long answer = process.Ioctl(device, IoctlCodes.VFIO_DEVICE_BIND_IOMMUFD, ref bind);
        return answer == 0 ? bind.OutDevid : answer;
    }

    private static long Attach(KernelProcess process, int device, uint table, uint argsz = 12, uint flags = 0)
    {
        var attach = new VfioDeviceAttachIommufdPt { Argsz = argsz, Flags = flags, PtId = table };
        long answer = process.Ioctl(device, IoctlCodes.VFIO_DEVICE_ATTACH_IOMMUFD_PT, ref attach);
        return answer == 0 ? attach.PtId : answer;
    }

    private static long Detach(KernelProcess process, int device, uint argsz = 8, uint flags = 0)
    {
        var detach = new VfioDeviceDetachIommufdPt { Argsz = argsz, Flags = flags };
        return process.Ioctl(device, IoctlCodes.VFIO_DEVICE_DETACH_IOMMUFD_PT, ref detach);
    }

    private static uint NewIoas(KernelProcess process, int iommufd)
    {
        var alloc = new IommuIoasAlloc { Size = 12 };
        Assert.Equal(0, process.Ioctl(iommufd, IoctlCodes.IOMMU_IOAS_ALLOC, ref alloc));
        return alloc.OutIoasId;
    }

    [Fact]
    public void Attach_ASecondTime_Replaces_AndDetachTwiceIsSilent()
    {
        KernelProcess process = Two();
        (int iommufd, int device) = (process.MustOpen("/dev/iommu"), process.MustOpen("/dev/vfio/devices/A"));
        Assert.Equal(1, Bind(process, device, iommufd));
        (uint first, uint second) = (NewIoas(process, iommufd), NewIoas(process, iommufd));
        Assert.Equal((Minus(Errno.EINVAL), Minus(Errno.EINVAL)), (Attach(process, device, first, argsz: 11), Attach(process, device, first, flags: 1)));
        Assert.Equal(4, Attach(process, device, first));
        Assert.Equal(5, Attach(process, device, second));
        Assert.Equal((Minus(Errno.ENOENT), Minus(Errno.EINVAL)), (Attach(process, device, 99), Attach(process, device, 1)));
        Assert.Equal((Minus(Errno.EINVAL), Minus(Errno.EINVAL)), (Detach(process, device, argsz: 7), Detach(process, device, flags: 1)));
        Assert.Equal((0, 0), (Detach(process, device), Detach(process, device)));
        Assert.Equal(4, Attach(process, device, first));
    }

    /// <summary>Everything is let go with the device's file, in whichever order the files are closed.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Close_OfADevice_DetachesAndUnbinds(bool iommufdFirst)
    {
        KernelProcess process = Two();
        (int iommufd, int device) = (process.MustOpen("/dev/iommu"), process.MustOpen("/dev/vfio/devices/A"));
        Bind(process, device, iommufd);
        Attach(process, device, NewIoas(process, iommufd));
        process.Close(iommufdFirst ? iommufd : device);
        Assert.Equal(iommufdFirst ? 1 : 0, process.State.OpenedDevices.Count);
        process.Close(iommufdFirst ? device : iommufd);
        Assert.Equal(["DeviceHeld", "TableJoined", "TableLeft", "DeviceFreed"], process.Live.Select(live => live.GetType().Name));
        Assert.Empty(process.State.Contexts);
        Assert.Empty(process.State.DmaOwners);
        Assert.Empty(process.State.OpenedDevices);
    }

    [Fact]
    public void Group_OnAnIommufd_AttachesItsDevicesToTheCompatibilitySpace()
    {
        KernelProcess process = Two();
        (int iommufd, int group) = (process.MustOpen("/dev/iommu"), process.MustOpen("/dev/vfio/gA"));
        Assert.Equal(Minus(Errno.EINVAL), process.DeviceFile(group, "A"));
        Assert.Equal(0, process.SetContainer(group, iommufd));
        Assert.Equal(Minus(Errno.EINVAL), process.SetContainer(group, iommufd));
        int device = (int)process.DeviceFile(group, "A");
        Assert.Equal(device + 1, process.DeviceFile(group, "A"));
        Assert.Single(process.Live.OfType<TableJoined>());
        process.Close(device);
        Assert.Empty(process.Live.OfType<TableLeft>());
        process.Close(device + 1);
        Assert.Single(process.Live.OfType<DeviceFreed>());
    }

    /// <summary>No file of the group is kept by a device that is on an iommufd: the group can be left and opened again.</summary>
    [Fact]
    public void Group_OnAnIommufd_IsNotKeptByItsDevices()
    {
        KernelProcess process = Two();
        (int iommufd, int group) = (process.MustOpen("/dev/iommu"), process.MustOpen("/dev/vfio/gA"));
        process.SetContainer(group, iommufd);
        int device = (int)process.DeviceFile(group, "A");
        Assert.Equal(0, process.UnsetContainer(group));
        Assert.Equal(Minus(Errno.EINVAL), process.UnsetContainer(group));
        var status = new VfioGroupStatus { Argsz = 8 };
        process.Ioctl(group, IoctlCodes.VFIO_GROUP_GET_STATUS, ref status);
        Assert.Equal(0U, status.Flags);
        process.Close(group);
        group = process.MustOpen("/dev/vfio/gA");
        Assert.Equal(Minus(Errno.EPERM), process.SetContainer(group, process.MustOpen("/dev/vfio/vfio")));
        Assert.Equal(0, process.SetContainer(group, iommufd));
        Assert.True(process.DeviceFile(group, "A") > 0);
        Assert.Equal(2, process.State.OpenedDevices.Values.Single().OpenCount);
        process.Close(device);
        Assert.Single(process.State.OpenedDevices);
    }

    [Fact]
    public void Context_LivesAsLongAsAGroupIsInIt()
    {
        KernelProcess process = Two();
        (int iommufd, int group) = (process.MustOpen("/dev/iommu"), process.MustOpen("/dev/vfio/gA"));
        process.SetContainer(group, iommufd);
        process.Close(iommufd);
        Assert.Single(process.State.Contexts);
        int device = (int)process.DeviceFile(group, "A");
        Assert.True(device > 0);
        process.Close(group);
        Assert.Single(process.State.Contexts);
        process.Close(device);
        Assert.Empty(process.State.Contexts);
    }

    [Theory]
    [InlineData(false, Errno.OK)]
    [InlineData(true, Errno.EINVAL)]
    public void NoIommuGroup_OnAnIommufd_NeedsOneWithoutCompatibilitySpace(bool hasSpace, Errno errno)
    {
        KernelProcess process = Two();
        (int iommufd, int group, int bare) = (process.MustOpen("/dev/iommu"), process.MustOpen("/dev/vfio/gA"), process.MustOpen("/dev/vfio/noiommu-gN"));
        if (hasSpace)
        {
            process.SetContainer(group, iommufd);
        }

        Assert.Equal(Minus(errno), process.SetContainer(bare, iommufd));
        if (errno == Errno.OK)
        {
            int device = (int)process.DeviceFile(bare, "N");
            Assert.True(device > 0);
            Assert.Equal(Minus(Errno.EINVAL), process.SetContainer(group, iommufd));
            process.Close(device);
            Assert.Empty(process.State.OpenedDevices);
            Assert.Empty(process.Live);
        }
    }

    /// <summary>A group in a container and a device on an iommufd do not share a group's DMA.</summary>
    [Fact]
    public void Bind_OfTwoContexts_InOneGroup_AnswersEperm()
    {
        KernelProcess process = new(Device("D1", Vtd(true), "g"), Device("D2", Vtd(true), "g"));
        (int first, int second) = (process.MustOpen("/dev/iommu"), process.MustOpen("/dev/iommu"));
        (int one, int two) = (process.MustOpen("/dev/vfio/devices/D1"), process.MustOpen("/dev/vfio/devices/D2"));
        Assert.Equal((1, Minus(Errno.EPERM), 2), (Bind(process, one, first), Bind(process, two, second), Bind(process, two, first)));
    }

    /// <summary>A driver that needs the KVM pointer opens only after kvm-vfio was told of the file.</summary>
    [Theory]
    [InlineData(DeviceDriver.Kvmgt, Errno.ESRCH)]
    [InlineData(DeviceDriver.VfioAp, Errno.EINVAL)]
    [InlineData(DeviceDriver.VfioPci, Errno.OK)]
    public void Bind_WithoutKvm_FailsForDriversThatNeedIt(DeviceDriver driver, Errno errno)
    {
        DeviceFacts plain = Device("A", Vtd(true));
        KernelProcess process = new(plain with { Traits = plain.Traits with { Driver = driver } });
        (int iommufd, int device) = (process.MustOpen("/dev/iommu"), process.MustOpen("/dev/vfio/devices/A"));
        Assert.Equal(errno == Errno.OK ? 1 : Minus(errno), Bind(process, device, iommufd));
        if (errno == Errno.OK)
        {
            return;
        }

        Assert.Empty(process.State.OpenedDevices);
        Assert.Empty(process.State.DmaOwners);
        process.MustOpen("/dev/kvm");
        int vm = (int)process.Ioctl(5, IoctlCodes.KVM_CREATE_VM);
        var create = new KvmCreateDevice { Type = 4 };
        process.Ioctl(vm, IoctlCodes.KVM_CREATE_DEVICE, ref create);
        var attribute = new byte[24];
        (attribute[4], attribute[8]) = (1, 1);
        BitConverter.TryWriteBytes(attribute.AsSpan(16), 0x7f00_1000_0000);
        Assert.Equal(0, process.Bytes((int)create.Fd, IoctlCodes.KVM_SET_DEVICE_ATTR, attribute, new UserBytes(0x7f00_1000_0000, BitConverter.GetBytes(device))));
        Assert.Equal(1, Bind(process, device, iommufd));
    }

    /// <summary>VFIO's old MAP on an iommufd asks for no access at all where type1 would refuse it; then the drivers of the tables decide, at the map or at the attach.</summary>
    [Theory]
    [InlineData(IommuDriver.Vtd, Errno.EINVAL)]
    [InlineData(IommuDriver.Amd, Errno.EINVAL)]
    [InlineData(IommuDriver.Virtio, Errno.OK)]
    public void Map_WithoutAccess_IsTheDriversToRefuse(IommuDriver driver, Errno expected)
    {
        foreach (bool mapsFirst in new[] { true, false })
        {
            KernelProcess process = new(WithMemory(new UserRegion(0x1_0000_0000, 0x1_0000_ffff, true)), Device("A", Vtd(false) with { Driver = driver }));
            (int iommufd, int group) = (process.MustOpen("/dev/iommu"), process.MustOpen("/dev/vfio/gA"));
            Assert.Equal(0, process.SetContainer(group, iommufd));
            long first = mapsFirst ? process.Map(iommufd, 0x1000, 0x1000, flags: 0) : process.DeviceFile(group, "A");
            long second = mapsFirst ? process.DeviceFile(group, "A") : process.Map(iommufd, 0x1000, 0x1000, flags: 0);
            Assert.True(first >= 0);
            Assert.Equal(Minus(expected), Math.Min(second, 0));
            Assert.Equal(0x2000, process.Map(iommufd, 0x2000, 0x1000, flags: 1) + process.Unmap(iommufd, 0, 0, flags: 2) + (expected != Errno.OK && !mapsFirst ? 0x1000 : 0));
            Assert.DoesNotContain(process.Live.OfType<SpaceMapped>(), live => live.Area.Access == DmaAccess.None);
            Assert.DoesNotContain(process.Live.OfType<TableJoined>().SelectMany(live => live.Areas()), area => area.Access == DmaAccess.None);
        }
    }

    /// <summary>What processes exclude each other from is claimed, and all of it is released when everything is closed.</summary>
    [Fact]
    public void Claims_AreReleasedWithTheFiles()
    {
        KernelProcess process = new(Device("D1", Vtd(true), "g"), Device("D2", Vtd(true), "g"), Device("A", Vtd(true)));
        int iommufd = process.MustOpen("/dev/iommu");
        foreach (string device in new[] { "D1", "D2" })
        {
            Assert.True(Bind(process, process.MustOpen($"/dev/vfio/devices/{device}"), iommufd) > 0);
        }

        process.SetContainer(process.MustOpen("/dev/vfio/gA"), iommufd);
        process.DeviceFile(6, "A");
        foreach (int file in process.State.Files.Keys.ToArray())
        {
            process.Close(file);
        }

        string[] taken = [.. process.Claims.Where(claim => claim.Claim.Kind == ClaimKind.Take).Select(claim => claim.Claim.Name).Distinct().Order()];
        string[] released = [.. process.Claims.Where(claim => claim.Claim.Kind == ClaimKind.Release).Select(claim => claim.Claim.Name).Order()];
        Assert.Equal(["h/D1/opened", "h/D2/opened", "h/g/cdev", "h/gA/file"], taken);
        Assert.Equal(taken, released);
    }
}
