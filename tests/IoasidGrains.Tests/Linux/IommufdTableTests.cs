// Rules of iommufd's page tables: how they are made, who may use them, what they reserve, what a refusal leaves.
using System.Collections.Immutable;
using IoasidGrains.Core;
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;
using static IoasidGrains.Tests.Linux.IommufdProcess;
using static IoasidGrains.Tests.Linux.KernelProcess;

namespace IoasidGrains.Tests.Linux;

public sealed class IommufdTableTests
{
    private const uint NestParent = 1, DirtyTracking = 2, FaultIdValid = 4, Selftest = 0xdead, VtdFirstStage = 1;
    private const uint NoDirty = 1, HugeIova = 2;
    private const string Whole = "0-ffffffffffff", Window = "0-fedfffff fef00000-ffffffffffff";

    private static IommufdProcess Two() => new(Device("A", Vtd(true)), Device("B", Vtd(false)));

    private static byte[] Entry(int size = 4) => new byte[size];

    [Fact]
    public void Ids_AreTheLowestFreeOnes_AlsoAfterAFailure()
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        Assert.Equal((0L, 2U, 3U, 4U), fd.Mock(ioas));
        Assert.Equal(Minus(Errno.EOPNOTSUPP), fd.HwptAlloc(3, ioas, 8));
        Assert.Equal(5, fd.HwptAlloc(3, ioas));
        Assert.Equal((Minus(Errno.EBUSY), Minus(Errno.EBUSY), Minus(Errno.EBUSY)), (fd.Destroy(ioas), fd.Destroy(3), fd.Destroy(4)));
        Assert.Equal((0L, 0L), (fd.Destroy(5), fd.Destroy(2)));
        Assert.Equal((Minus(Errno.ENOENT), 0L), (fd.Destroy(4), fd.Destroy(ioas)));
        Assert.Equal(1U, fd.Ioas());
        Assert.Equal(Minus(Errno.ENOENT), fd.Mock(2).Answer);
        Assert.Equal(Minus(Errno.EINVAL), fd.Mock(3).Answer);
    }

    [Theory]
    [InlineData(99U, 1U, 0U, Errno.ENOENT)]
    [InlineData(3U, 99U, 0U, Errno.EINVAL)]
    [InlineData(3U, 3U, 0U, Errno.EINVAL)]
    [InlineData(3U, 1U, FaultIdValid, Errno.EOPNOTSUPP)]
    [InlineData(3U, 1U, FaultIdValid | NestParent, Errno.EOPNOTSUPP)]
    [InlineData(3U, 1U, 1U << 31, Errno.EOPNOTSUPP)]
    [InlineData(3U, 4U, 0U, Errno.EOPNOTSUPP)]
    public void HwptAlloc_WithBadArguments_Refuses(uint device, uint table, uint flags, Errno errno)
    {
        var fd = new IommufdProcess();
        fd.Mock(fd.Ioas());
        Assert.Equal(Minus(errno), fd.HwptAlloc(device, table, flags));
    }

    /// <summary>The data of a driver must have exactly its size: nothing longer, also if it ends in zeros.</summary>
    [Theory]
    [InlineData(4, Selftest, 0U, 6L)]
    [InlineData(3, Selftest, 0U, -(long)Errno.EINVAL)]
    [InlineData(8, Selftest, 0U, -(long)Errno.EINVAL)]
    [InlineData(4, 1U, 0U, -(long)Errno.EOPNOTSUPP)]
    [InlineData(4, 0U, 0U, -(long)Errno.EINVAL)]
    [InlineData(4, Selftest, NestParent, -(long)Errno.EOPNOTSUPP)]
    [InlineData(4, Selftest, FaultIdValid, -(long)Errno.ENOENT)]
    public void HwptAlloc_OfANestedTable_ChecksFlagsThenDataThenFaultQueue(int size, uint type, uint flags, long answer)
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        fd.Mock(ioas);
        Assert.Equal(5, fd.HwptAlloc(3, ioas, NestParent));
        Assert.Equal(answer, fd.HwptAlloc(3, 5, flags, type, Entry(size), fault: 77));
        Assert.Equal(Minus(Errno.EINVAL), fd.HwptAlloc(3, 4, 0, Selftest, Entry()));
    }

    [Fact]
    public void MockTable_ReservesAllButItsAperture_AndAlignsToItsPage()
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        fd.Map(ioas, 0x1000, Page);
        Assert.Equal(Minus(Errno.EADDRINUSE), fd.Mock(ioas).Answer);
        fd.Unmap(ioas, 0x1000, Page);
        fd.Map(ioas, 0x200_0400, 0x400);
        Assert.Equal(Minus(Errno.EADDRINUSE), fd.Mock(ioas).Answer);
        fd.Unmap(ioas, 0, ulong.MaxValue);
        fd.Map(ioas, 0x200_0000, Page, Unmapped);
        Assert.Equal(Minus(Errno.EFAULT), fd.Mock(ioas).Answer);
        Assert.Equal(("0-ffffffffffffffff", 1UL), fd.Usable(ioas));
        fd.Unmap(ioas, 0, ulong.MaxValue);
        Assert.Equal(0, fd.Mock(ioas).Answer);
        Assert.Equal(("1000000-7fffffff", 2048UL), fd.Usable(ioas));
        Assert.Equal((Minus(Errno.EINVAL), Minus(Errno.EINVAL), Minus(Errno.EFAULT)), (fd.Map(ioas, 0, Page), fd.Map(ioas, 0x200_0400, Page), fd.Map(ioas, 0x200_0000, Page, Unmapped)));
        Assert.Equal(0x100_0000, fd.MapAnywhere(ioas, Page));
    }

    /// <summary>A plain device follows one with huge pages, and joins a nested table whatever the parent tracks; the parent it does not.</summary>
    [Fact]
    public void MockDevices_OfEveryKind_ShareWhatTheMockAllows()
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        Assert.Equal((0L, 2U, 3U, 4U), fd.Mock(ioas, HugeIova));
        Assert.Equal((0L, 5U, 6U, 4U), fd.Mock(ioas));
        Assert.Equal((0L, 7U, 8U, 4U), fd.Mock(ioas, NoDirty));
        Assert.Equal(9, fd.HwptAlloc(6, ioas, NestParent | DirtyTracking));
        Assert.Equal(10, fd.HwptAlloc(6, 9, 0, Selftest, Entry()));
        Assert.Equal(Minus(Errno.EOPNOTSUPP), fd.HwptAlloc(8, ioas, DirtyTracking));
        Assert.Equal((Minus(Errno.EINVAL), 10L, 9L), (fd.MockReplace(7, 9), fd.MockReplace(7, 10), fd.MockReplace(5, 9)));
        Assert.Equal((Minus(Errno.EBUSY), 4L, 0L), (fd.Destroy(10), fd.MockReplace(7, 4), fd.Destroy(10)));
        Assert.Equal(Minus(Errno.EINVAL), fd.Mock(ioas, 4).Answer);
    }

    /// <summary>A table alone reserves its aperture; the interrupt window comes with a device and goes with it.</summary>
    [Fact]
    public void Attach_ReservesTheWindowOfTheDevice()
    {
        IommufdProcess fd = Two();
        (int device, uint id) = fd.Bind("A");
        uint ioas = fd.Ioas();
        uint table = (uint)fd.HwptAlloc(id, ioas);
        Assert.Equal((Whole, 4096UL), fd.Usable(ioas));
        Assert.Equal(0xfee0_0000, fd.Map(ioas, 0xfee0_0000, Page));
        Assert.Equal(Minus(Errno.EADDRINUSE), fd.Attach(device, table));
        fd.Unmap(ioas, 0xfee0_0000, Page);
        Assert.Equal(table, fd.Attach(device, table));
        Assert.Equal((Window, 4096UL), fd.Usable(ioas));
        Assert.Equal(Minus(Errno.EINVAL), fd.Map(ioas, 0xfee0_0000, Page));
        Assert.Equal(Minus(Errno.EADDRINUSE), fd.Allow(ioas, (0xfee0_0000, 0xfee0_ffff)));
        fd.Detach(device);
        Assert.Equal((Whole, 4096UL), fd.Usable(ioas));
    }

    /// <summary>The driver refuses B the enforcing table: B stays where it is, but the kernel forgets its window there until it is attached anew.</summary>
    [Fact]
    public void Replace_ThatTheDriverRefuses_ForgetsTheReservedWindow()
    {
        IommufdProcess fd = Two();
        ((_, uint a), (int device, _)) = (fd.Bind("A"), fd.Bind("B"));
        uint ioas = fd.Ioas();
        long own = fd.Attach(device, ioas);
        uint enforcing = (uint)fd.HwptAlloc(a, ioas);
        Assert.Equal((Window, 4096UL), fd.Usable(ioas));
        Assert.Equal(Minus(Errno.EINVAL), fd.Attach(device, enforcing));
        Assert.Equal((Whole, 4096UL), fd.Usable(ioas));
        Assert.Equal(own, fd.Attach(device, ioas));
        Assert.Equal((Whole, 4096UL), fd.Usable(ioas));
        fd.Detach(device);
        Assert.Equal(own, fd.Attach(device, ioas));
        Assert.Equal((Window, 4096UL), fd.Usable(ioas));
    }

    /// <summary>The same when B goes to the address space that it is in, past an automatic table that enforces.</summary>
    [Fact]
    public void Replace_PastATableThatTheDriverRefuses_ForgetsTheReservedWindow()
    {
        IommufdProcess fd = Two();
        ((int first, _), (int second, _)) = (fd.Bind("A"), fd.Bind("B"));
        uint ioas = fd.Ioas();
        fd.Attach(first, ioas);
        long own = fd.Attach(second, ioas);
        Assert.Equal(own, fd.Attach(second, ioas));
        Assert.Equal((Window, 4096UL), fd.Usable(ioas));
        fd.Detach(first);
        Assert.Equal((Whole, 4096UL), fd.Usable(ioas));
    }

    /// <summary>virtio-iommu knows what a table is when a device is attached; one that is made ahead translates nothing but 0.</summary>
    [Fact]
    public void HwptAlloc_OfADriverThatFinishesAtAttach_ReservesEverything()
    {
        IommuCapabilities virtio = Vtd(false) with { Driver = IommuDriver.Virtio };
        var fd = new IommufdProcess(Device("A", virtio));
        (int device, uint id) = fd.Bind("A");
        (uint mapped, uint empty) = (fd.Ioas(), fd.Ioas());
        fd.Map(mapped, 0x10_0000, Page);
        Assert.Equal(Minus(Errno.EADDRINUSE), fd.HwptAlloc(id, mapped));
        Assert.Equal(Minus(Errno.EOPNOTSUPP), fd.HwptAlloc(id, mapped, NestParent));
        Assert.True(fd.HwptAlloc(id, empty) > 0);
        Assert.Equal(("0-0", 4096UL), fd.Usable(empty));
        Assert.True(fd.Attach(device, mapped) > 0);
        Assert.Equal((Window, 4096UL), fd.Usable(mapped));
    }

    /// <summary>v6.2 to v6.6: VT-d switches enforcement on in a second-stage table only while it maps nothing, though all its units could; else the device gets another table.</summary>
    [Theory]
    [Trait("case", "108")]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public void Upgrade_OfATableWithMappings_IsRefused(bool mapped, int table)
    {
        DeviceFacts able = Device("A", Vtd(true));
        var device = new BoundDevice(able.Id, able.Traits, able.Unit!, null, true);
        var plain = new TableSpec(0, EnforceSnoop: false, device.Unit.PageSizes);
        var area = new Area(new IovaRange(0, Page - 1), new UserAddress(new VmId(Host + "/vm1").Memory, 0), DmaAccess.Read);
        var ioas = new IoasidEntry(
            new IoasidNumber(1), new IoasidSpec(false, 48, 0) { Auto = true }, mapped ? AreaMap.Empty.Add(area) : AreaMap.Empty,
            ImmutableSortedDictionary<int, TableSpec>.Empty.Add(0, plain), 0);
        Placement place = IommufdUpgrade.Policy.Attach(new Joining(device, null, ioas, [new TableUse(plain, [device])], HostEnforces: true));
        Assert.Equal((table, true), (place.Table, place.EnforceSnoop));
    }

    /// <summary>VT-d's registers say what first-stage tables may be; a parent must not be wider than the unit.</summary>
    [Theory]
    [InlineData(48, 48U, 0UL, Errno.OK)]
    [InlineData(48, 48U, 1UL, Errno.OK)]
    [InlineData(48, 48U, 2UL, Errno.EINVAL)]
    [InlineData(48, 57U, 0UL, Errno.EINVAL)]
    [InlineData(57, 57U, 0UL, Errno.OK)]
    [InlineData(39, 48U, 0UL, Errno.ENODEV)]
    public void Attach_ToAFirstStageTable_NeedsAUnitThatWalksIt(int width, uint stageWidth, ulong flags, Errno errno)
    {
        IommuCapabilities Nesting(int bits) => Vtd(true, bits) with { ScalableMode = true, Nesting = true };
        var fd = new IommufdProcess(Device("A", Nesting(48)), Device("B", Nesting(width)));
        ((_, uint maker), (int device, _)) = (fd.Bind("A"), fd.Bind("B"));
        uint parent = (uint)fd.HwptAlloc(maker, fd.Ioas(), NestParent);
        uint nested = (uint)fd.HwptAlloc(maker, parent, 0, VtdFirstStage, Bytes(new IommuHwptVtdS1 { Flags = flags, AddrWidth = stageWidth }));
        Assert.Equal(errno == Errno.OK ? nested : Minus(errno), fd.Attach(device, nested));
    }

    [Theory]
    [InlineData(false, 0L, 0L)]
    [InlineData(true, 3L, 4L)]
    public void HwptAlloc_OfParentsAndDirtyTracking_NeedsScalableModeOnVtd(bool scalable, long parent, long tracking)
    {
        var fd = new IommufdProcess(Device("A", Vtd(true) with { ScalableMode = scalable, Nesting = true, DirtyTracking = true }));
        (_, uint id) = fd.Bind("A");
        uint ioas = fd.Ioas();
        Assert.Equal(scalable ? parent : Minus(Errno.EOPNOTSUPP), fd.HwptAlloc(id, ioas, NestParent));
        Assert.Equal(scalable ? tracking : Minus(Errno.EOPNOTSUPP), fd.HwptAlloc(id, ioas, DirtyTracking));
    }

    /// <summary>VT-d's tables have the large pages that all units have; so one unit's table is good for the other.</summary>
    [Fact]
    public void Attach_BehindAUnitWithoutLargePages_SharesTheTable()
    {
        var fd = new IommufdProcess(Device("A", Vtd(true)), Device("B", Vtd(true) with { PageSizes = Page }));
        ((int first, _), (int second, _)) = (fd.Bind("A"), fd.Bind("B"));
        uint ioas = fd.Ioas();
        Assert.Equal(fd.Attach(first, ioas), fd.Attach(second, ioas));
        Assert.All(fd.Process.Live.OfType<DeviceHeld>(), held => Assert.Equal(Page, held.Device.Unit!.PageSizes));
    }

    /// <summary>IOMMU_CAP_CACHE_COHERENCY: without it VFIO registers no device, so no node is there.</summary>
    [Theory]
    [InlineData("/dev/vfio/devices/A")]
    [InlineData("/dev/vfio/gA")]
    public void Open_BehindAUnitThatIsNotCoherent_AnswersEnoent(string path) =>
        Assert.Equal(Minus(Errno.ENOENT), new KernelProcess(Device("A", Vtd(true) with { CacheCoherent = false })).Open(path));
}
