// Rules of VFIO groups and containers, as drivers/vfio/group.c and container.c of Linux 6.12 have them.
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;
using static IoasidGrains.Tests.Linux.KernelProcess;

namespace IoasidGrains.Tests.Linux;

public sealed class VfioGroupTests
{
    private const uint DmaCoherent = 4, V1 = 1, V2 = 3, Nesting = 6, NoIommuType = 8, UnmapAll = 9, UpdateVaddr = 10;

    private static KernelProcess Two() => new(Device("A", Vtd(true)), Device("B", Vtd(false)));

    private static KernelProcess Bare(bool privileged = true) =>
        new(ProcessOptions.Default with { NoIommu = true, Privileged = privileged }, Device("N", null), Device("A", Vtd(true)));

    private static long Minus(Errno errno) => -(long)errno;

    [Theory]
    [InlineData("/dev/vfio/gA", Errno.OK)]
    [InlineData("/dev/vfio/gN", Errno.ENOENT)]
    [InlineData("/dev/vfio/noiommu-gN", Errno.OK)]
    [InlineData("/dev/vfio/noiommu-gA", Errno.ENOENT)]
    [InlineData("/dev/vfio/devices/A", Errno.OK)]
    [InlineData("/dev/vfio/devices/N", Errno.ENOENT)]
    [InlineData("/dev/vfio/nothing", Errno.ENOENT)]
    [InlineData("/etc/passwd", Errno.ENOENT)]
    public void Open_FindsTheNodeOrAnswersEnoent(string path, Errno errno)
    {
        long answer = Bare().Open(path);
        Assert.Equal(errno == Errno.OK ? 3 : Minus(errno), answer);
    }

    [Fact]
    public void Open_OfANoIommuGroup_NeedsTheModeAndTheRight()
    {
        Assert.Equal(Minus(Errno.ENOENT), new KernelProcess(Device("N", null)).Open("/dev/vfio/noiommu-gN"));
        Assert.Equal(Minus(Errno.EPERM), Bare(privileged: false).Open("/dev/vfio/noiommu-gN"));
    }

    [Fact]
    public void Open_OfAGroupTwice_AnswersEbusy_UntilItIsClosed()
    {
        KernelProcess process = Two();
        int group = process.MustOpen("/dev/vfio/gA");
        Assert.Equal(Minus(Errno.EBUSY), process.Open("/dev/vfio/gA"));
        Assert.Equal(0, process.Close(group));
        Assert.Equal(Minus(Errno.EBADF), process.Close(group));
        Assert.Equal(group, process.Open("/dev/vfio/gA"));
        Assert.Equal(
            ["RequireFree h/gA/cdev EBUSY", "Take h/gA/file EBUSY", "Release h/gA/file EIO"],
            process.Claims.Take(3).Select(claim => $"{claim.Claim.Kind} {claim.Claim.Name} {claim.IfRefused}"));
    }

    /// <summary>Every extension in every state of a container: without groups, with a group, under type1.</summary>
    [Theory]
    [InlineData(0, 0, 0, 0)]
    [InlineData(1, 1, 1, 1)]
    [InlineData(2, 0, 0, 0)]
    [InlineData(3, 1, 1, 1)]
    [InlineData(4, 0, 0, 1)]
    [InlineData(5, 0, 0, 0)]
    [InlineData(6, 1, 1, 1)]
    [InlineData(7, 0, 0, 0)]
    [InlineData(8, 0, 0, 0)]
    [InlineData(9, 1, 1, 1)]
    [InlineData(10, 0, 0, 1)]
    [InlineData(0x1_0000_0001, 0, 0, 0)]
    public void CheckExtension_DependsOnTheDriver(ulong extension, long empty, long grouped, long type1)
    {
        KernelProcess process = Two();
        int container = process.MustOpen("/dev/vfio/vfio");
        Assert.Equal(empty, process.Extension(container, extension));
        process.SetContainer(process.MustOpen("/dev/vfio/gA"), container);
        Assert.Equal(grouped, process.Extension(container, extension));
        Assert.Equal(0, process.SetIommu(container, V2));
        Assert.Equal(type1, process.Extension(container, extension));
    }

    [Theory]
    [InlineData(V1, Errno.OK)]
    [InlineData(V2, Errno.OK)]
    [InlineData(Nesting, Errno.EINVAL)]
    [InlineData(UnmapAll, Errno.EINVAL)]
    [InlineData(UpdateVaddr, Errno.ENODEV)]
    [InlineData(DmaCoherent, Errno.ENODEV)]
    [InlineData(NoIommuType, Errno.ENODEV)]
    [InlineData(99, Errno.ENODEV)]
    public void SetIommu_TakesWhatADriverKnowsAndCanOpen(ulong type, Errno errno)
    {
        KernelProcess process = Two();
        int container = process.MustOpen("/dev/vfio/vfio");
        Assert.Equal(Minus(Errno.EINVAL), process.SetIommu(container, type));
        process.SetContainer(process.MustOpen("/dev/vfio/gA"), container);
        Assert.Equal(Minus(errno), process.SetIommu(container, type));
        Assert.Equal(errno == Errno.OK ? 1 : 0, process.Live.OfType<TableJoined>().Count());
        Assert.Equal(Minus(errno == Errno.OK ? Errno.EINVAL : errno), process.SetIommu(container, type));
    }

    [Fact]
    public void Ioctl_OfAContainer_AnswersEinvalWithoutDriver_AndEnottyWithOne()
    {
        KernelProcess process = Two();
        int container = process.MustOpen("/dev/vfio/vfio");
        Assert.Equal(0, process.Ioctl(container, IoctlCodes.VFIO_GET_API_VERSION));
        Assert.Equal(Minus(Errno.EINVAL), process.Ioctl(container, IoctlCodes.VFIO_IOMMU_ENABLE));
        int group = process.MustOpen("/dev/vfio/gA");
        Assert.Equal(Minus(Errno.ENOTTY), process.Ioctl(group, IoctlCodes.VFIO_IOMMU_MAP_DMA));
        process.SetContainer(group, container);
        process.SetIommu(container, V2);
        Assert.Equal(Minus(Errno.ENOTTY), process.Ioctl(container, IoctlCodes.VFIO_IOMMU_ENABLE));
        Assert.Equal(Minus(Errno.ENOTTY), process.Ioctl(1, IoctlCodes.VFIO_GET_API_VERSION));
        Assert.Equal(Minus(Errno.EBADF), process.Ioctl(99, IoctlCodes.VFIO_GET_API_VERSION));
    }

    [Fact]
    public void SetContainer_TakesAContainerOrAnIommufd_Once()
    {
        KernelProcess process = Two();
        (int group, int container) = (process.MustOpen("/dev/vfio/gA"), process.MustOpen("/dev/vfio/vfio"));
        Assert.Equal(Minus(Errno.EFAULT), process.Ioctl(group, IoctlCodes.VFIO_GROUP_SET_CONTAINER, 0x1000));
        Assert.Equal(Minus(Errno.EBADF), process.SetContainer(group, 99));
        Assert.Equal(Minus(Errno.EBADF), process.SetContainer(group, -1));
        Assert.Equal(Minus(Errno.EBADFD), process.SetContainer(group, 1));
        Assert.Equal(Minus(Errno.EBADFD), process.SetContainer(group, group));
        Assert.Equal(0, process.SetContainer(group, container));
        Assert.Equal(Minus(Errno.EINVAL), process.SetContainer(group, container));
        Assert.Equal(Minus(Errno.EINVAL), process.SetContainer(group, 1));
    }

    [Theory]
    [InlineData(7, Errno.EINVAL)]
    [InlineData(8, Errno.OK)]
    [InlineData(4096, Errno.OK)]
    public void GetStatus_ChecksArgsz(uint argsz, Errno errno)
    {
        KernelProcess process = Two();
        var status = new VfioGroupStatus { Argsz = argsz, Flags = 0xff };
        Assert.Equal(Minus(errno), process.Ioctl(process.MustOpen("/dev/vfio/gA"), IoctlCodes.VFIO_GROUP_GET_STATUS, ref status));
        Assert.Equal(errno == Errno.OK ? 1U : 0xff, status.Flags);
    }

    [Fact]
    public void GetStatus_TellsTheContainer()
    {
        KernelProcess process = Two();
        (int group, int container) = (process.MustOpen("/dev/vfio/gA"), process.MustOpen("/dev/vfio/vfio"));
        process.SetContainer(group, container);
        var status = new VfioGroupStatus { Argsz = 8 };
        Assert.Equal(0, process.Ioctl(group, IoctlCodes.VFIO_GROUP_GET_STATUS, ref status));
        Assert.Equal(3U, status.Flags);
    }

    [Theory]
    [InlineData("A", Errno.OK)]
    [InlineData("A ", Errno.OK)]
    [InlineData("A   ", Errno.OK)]
    [InlineData("A x", Errno.EINVAL)]
    [InlineData("A vf_token=bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3", Errno.EINVAL)]
    [InlineData("AB", Errno.ENODEV)]
    [InlineData("B", Errno.ENODEV)]
    [InlineData("", Errno.ENODEV)]
    public void GetDeviceFd_ComparesTheName(string name, Errno errno)
    {
        KernelProcess process = Two();
        int group = process.MustOpen("/dev/vfio/gA");
        process.SetContainer(group, process.MustOpen("/dev/vfio/vfio"));
        process.SetIommu(4, V2);
        Assert.Equal(errno == Errno.OK ? 5 : Minus(errno), process.DeviceFile(group, name));
    }

    [Fact]
    public void GetDeviceFd_ReadsAStringOfAPage()
    {
        KernelProcess process = Two();
        int group = process.MustOpen("/dev/vfio/gA");
        Assert.Equal(Minus(Errno.EFAULT), process.Bytes(group, IoctlCodes.VFIO_GROUP_GET_DEVICE_FD, [65, 65]));
        Assert.Equal(Minus(Errno.EINVAL), process.Bytes(group, IoctlCodes.VFIO_GROUP_GET_DEVICE_FD, [.. Enumerable.Repeat((byte)65, 4096), 0]));
        Assert.Equal(Minus(Errno.EINVAL), process.DeviceFile(group, "A"));
    }

    /// <summary>The device keeps the group's file: it is released with the last of them, in any order.</summary>
    [Fact]
    public void Close_OfTheGroup_WaitsForItsDevices()
    {
        KernelProcess process = Two();
        int container = process.MustOpen("/dev/vfio/vfio");
        int group = process.MustOpen("/dev/vfio/gA");
        process.SetContainer(group, container);
        process.SetIommu(container, V2);
        (int first, int second) = ((int)process.DeviceFile(group, "A"), (int)process.DeviceFile(group, "A"));
        Assert.Equal(Minus(Errno.EBUSY), process.UnsetContainer(group));
        process.Close(group);
        Assert.Equal(Minus(Errno.EBUSY), process.Open("/dev/vfio/gA"));
        process.Close(first);
        Assert.Equal(Minus(Errno.EBUSY), process.Open("/dev/vfio/gA"));
        Assert.Empty(process.Live.OfType<DeviceFreed>());
        process.Close(second);
        Assert.Single(process.Live.OfType<DeviceFreed>());
        Assert.Equal(0, process.Extension(container, DmaCoherent));
        Assert.True(process.Open("/dev/vfio/gA") >= 0);
        Assert.Empty(process.State.OpenedDevices);
    }

    [Fact]
    public void Close_OfTheContainer_LeavesItToItsGroups()
    {
        KernelProcess process = Two();
        int container = process.Type1(V2, "gA");
        process.Map(container, 0x1000, 0x1000);
        process.Close(container);
        Assert.Single(process.State.Containers);
        Assert.True(process.DeviceFile(4, "A") > 0);
        process.Close(3);
        process.Close(4);
        Assert.Empty(process.State.Containers);
        Assert.Empty(process.State.DmaOwners);
    }

    [Fact]
    public void NoIommuContainer_KnowsItsExtensionAndNothingElse()
    {
        KernelProcess process = Bare();
        int container = process.MustOpen("/dev/vfio/vfio");
        Assert.Equal(1, process.Extension(container, NoIommuType));
        int group = process.MustOpen("/dev/vfio/noiommu-gN");
        Assert.Equal(0, process.SetContainer(group, container));
        Assert.Equal(Minus(Errno.EPERM), process.SetContainer(process.MustOpen("/dev/vfio/gA"), container));
        Assert.Equal((0, 1), (process.Extension(container, V1), process.Extension(container, NoIommuType)));
        Assert.Equal(Minus(Errno.ENODEV), process.SetIommu(container, V1));
        Assert.Equal(Minus(Errno.EINVAL), process.DeviceFile(group, "N"));
        Assert.Equal(0, process.SetIommu(container, NoIommuType));
        Assert.Equal(Minus(Errno.ENOTTY), process.Map(container, 0, 0x1000));
        Assert.True(process.DeviceFile(group, "N") > 0);
        Assert.Equal(Minus(Errno.EBUSY), process.UnsetContainer(group));
        Assert.Empty(process.Live);
    }

    /// <summary>The last group that was added is attached first; one that is refused undoes those before it.</summary>
    [Fact]
    public void SetIommu_AttachesAllGroupsOrNone()
    {
        IommuCapabilities noIsolation = Vtd(true) with { MsiIsolated = false };
        KernelProcess process = new(Device("A", Vtd(true)), Device("B", noIsolation));
        int container = process.MustOpen("/dev/vfio/vfio");
        int bad = process.MustOpen("/dev/vfio/gB");
        process.SetContainer(bad, container);
        process.SetContainer(process.MustOpen("/dev/vfio/gA"), container);
        Assert.Equal(Minus(Errno.EPERM), process.SetIommu(container, V2));
        Assert.Equal(["TableJoined", "TableLeft"], process.Live.Where(live => live is not DeviceHeld).Select(live => live.GetType().Name));
        process.UnsetContainer(bad);
        Assert.Equal(0, process.SetIommu(container, V2));
        Assert.Equal(Minus(Errno.EPERM), process.SetContainer(bad, container));
        Assert.Single(process.State.DmaOwners);
    }
}
