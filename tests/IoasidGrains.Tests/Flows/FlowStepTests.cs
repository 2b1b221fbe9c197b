// Which command each spelling of a step becomes, and which errno the door answers instead.
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

public sealed class FlowStepTests
{
    private const string Declared = """
        iommu vtd0
        device dev1 behind vtd0
        open fd1 /dev/ioasid
        vm guest
        gpa = ioctl fd1 IOASID_ALLOC snoop
        flag = choose fd1 dev1

        """;

    private static readonly HostId Host = new("h");
    private static readonly RequestId Request = new("s", 1);
    private static readonly FdId Fd = new("h/fd1");
    private static readonly DeviceId Device = new("h/dev1");
    private static readonly VmId Vm = new("h/vm1");
    private static readonly GuestMemoryId FdMemory = Fd.ProcessMemory;

    public static TheoryData<string, UapiCommand> Commands => new()
    {
        { "open fd2 /dev/ioasid", new OpenFd(new FdId("h/fd2"), OpenOptions.Default) },
        {
            "open fd2 /dev/ioasid lowest refuse_gap map_needs_attach memlock 64K mappings 3",
            new OpenFd(new FdId("h/fd2"), new OpenOptions("lowest", true, true, 65536, 3))
        },
        { "open dev1", new OpenDevice(Device) },
        { "close fd1", new CloseFd(Fd) },
        { "close dev1", new CloseDevice(Device) },
        { "close guest", new CloseVm(new VmId("h/guest")) },
        { "close vm1", new CloseVm(Vm) },
        { "ioctl fd1 IOASID_CHECK_EXTENSION EXT_DMA_NO_SNOOP", new IoasidCheckExtension(Fd, 6) },
        { "ioctl fd1 IOASID_CHECK_EXTENSION 99", new IoasidCheckExtension(Fd, 99) },
        { "ioctl fd1 IOASID_REGISTER_MEMORY 0x1000+8K", new IoasidRegisterMemory(Fd, new UserAddress(FdMemory, 4096), 8192) },
        { "ioctl fd1 IOASID_UNREGISTER_MEMORY vm1+0x1000+8K", new IoasidUnregisterMemory(Fd, new UserAddress(Vm.Memory, 4096), 8192) },
        { "ioctl fd1 IOASID_ALLOC snoop", new IoasidAlloc(Fd, SnoopFormat.Snoop, 48) },
        { "ioctl fd1 IOASID_ALLOC no_snoop width 39", new IoasidAlloc(Fd, SnoopFormat.NoSnoop, 39) },
        { "ioctl fd1 IOASID_ALLOC flag", new IoasidAlloc(Fd, SnoopFormat.NoSnoop, 48) },
        { "ioctl fd1 IOASID_ALLOC 7", new IoasidAlloc(Fd, null, 48) },
        { "ioctl fd1 IOASID_ALLOC gpa", new IoasidAlloc(Fd, null, 48) },
        { "ioctl fd1 0x6904 5", new IoasidFree(Fd, new IoasidNumber(5)) },
        { "ioctl fd1 IOASID_FREE gpa", new IoasidFree(Fd, new IoasidNumber(3)) },
        { "ioctl fd1 IOASID_GET_INFO 0x2", new IoasidGetInfo(Fd, new IoasidNumber(2)) },
        { "ioctl fd1 IOASID_GET_DEV_INFO dev1", new IoasidGetDevInfo(Fd, Device) },
        {
            "ioctl fd1 IOASID_MAP_DMA gpa 0x2000+4K vm1+0x40000000",
            new IoasidMapDma(Fd, new IoasidNumber(3), 0x2000, 4096, new UserAddress(Vm.Memory, 0x40000000), DmaAccess.ReadWrite)
        },
        {
            "ioctl fd1 IOASID_MAP_DMA gpa 0xffffffffffffffff+0 0x10 none",
            new IoasidMapDma(Fd, new IoasidNumber(3), ulong.MaxValue, 0, new UserAddress(FdMemory, 16), DmaAccess.None)
        },
        { "ioctl fd1 IOASID_UNMAP_DMA gpa 0+1G", new IoasidUnmapDma(Fd, new IoasidNumber(3), 0, 1UL << 30, false) },
        { "ioctl fd1 IOASID_UNMAP_DMA gpa 0+0 all", new IoasidUnmapDma(Fd, new IoasidNumber(3), 0, 0, true) },
        { "ioctl fd1 IOASID_UNMAP_DMA gpa all", new IoasidUnmapDma(Fd, new IoasidNumber(3), 0, 0, true) },
        { "ioctl dev1 VFIO_BIND_IOASID_FD fd1", new VfioBindIoasidFd(Device, Fd) },
        { "ioctl dev1 VFIO_ATTACH_IOASID gpa flag", new VfioAttachIoasid(Device, new IoasidNumber(3), SnoopFormat.NoSnoop) },
        { "@c9 ioctl vm1 KVM_UPDATE_IOASID_FD fd1", new KvmUpdateIoasidFd(Vm, Fd) },
        { "choose fd1 dev1 off", new IoasidGetDevInfo(Fd, Device) },
        { "dma dev1 read 0x1000+65537 no_snoop", new DeviceDma(Device, 4096, 65537, DmaAccess.Read, true, null) },
        { "dma dev1 read 0+0xffffffffffff", new DeviceDma(Device, 0, int.MaxValue, DmaAccess.Read, false, null) },
        { "cpu vm1 read 0x10+4", new CpuRead(Vm.Memory, 16, 4) },
        { "cpu fd1 read 0+1", new CpuRead(FdMemory, 0, 1) },
        { "cpu vm1 wbinvd", new CpuWbinvd(Vm) },
        { "cpu vm1 wbinvd on 5", new CpuWbinvd(Vm) { Cpu = new CpuId(5) } },
        { "cpu vm1 read 0x10+4 on 4095", new CpuRead(Vm.Memory, 16, 4) { Cpu = new CpuId(4095) } },
        { "cpu vm1 memtype ram", new CpuMemoryType(Vm, false, MemoryType.Wb, MemoryType.Wb) },
        { "cpu vm1 memtype mmio guest wc mtrr uc", new CpuMemoryType(Vm, true, MemoryType.Wc, MemoryType.Uc) },
        { "vm vm1 kernel 6.6", new DeclareVm(Vm, VmTraits.Default with { Kernel = new KernelVersion(6, 6) }) },
        {
            "vm vm1 amd self_snoop wbinvd_exit off quirk_ignore_guest_pat off",
            new DeclareVm(Vm, new VmTraits(new KernelVersion(6, 12), CpuVendor.Amd, true, false, false))
        },
        { "costs vm1", new ReadKvmCosts(Vm) },
        { "ioctl vm1 KVM_DEV_VFIO_FILE_ADD dev1", new KvmFileAdd(Vm, Device) },
        { "ioctl vm1 KVM_DEV_VFIO_FILE_DEL dev1", new KvmFileDel(Vm, Device) },
    };

    [Theory]
    [MemberData(nameof(Commands))]
    public void Plan_Step_IsThisCommand(string line, UapiCommand expected) =>
        Assert.Equal(expected with { Request = Request }, PlanOf(line).Command);

    [Theory]
    [InlineData("ioctl fd1 0xdeadbeef anything 1 2 a+b", Errno.ENOTTY)]
    [InlineData("ioctl fd1 0xffffffffffff", Errno.ENOTTY)]
    [InlineData("ioctl fd1 IOASID_CREATE_NESTING gpa", Errno.ENOTTY)]
    [InlineData("ioctl fd1 V2_VFIO_ATTACH_IOASID", Errno.ENOTTY)]
    [InlineData("ioctl vtd0 IOASID_ALLOC snoop", Errno.ENOTTY)]
    [InlineData("ioctl dev1 IOASID_ALLOC snoop", Errno.ENOTTY)]
    [InlineData("ioctl vm1 KVM_ADD_IOASID_FD dev1", Errno.EINVAL)]
    [InlineData("ioctl vm1 KVM_ADD_IOASID_FD gpa", Errno.EINVAL)]
    [InlineData("ioctl vm1 KVM_DEV_VFIO_FILE_ADD fd1", Errno.EINVAL)]
    [InlineData("ioctl fd1 IOASID_FREE fd1", Errno.EINVAL)]
    [InlineData("ioctl fd1 IOASID_ALLOC fd1", Errno.EINVAL)]
    [InlineData("ioctl fd1 IOASID_MAP_DMA gpa 0+4K dev1+0", Errno.EINVAL)]
    public void Plan_WrongIoctlOrWrongObject_IsRefusedAtTheDoor(string line, Errno errno) =>
        Assert.Equal(StepPlan.Answer(Reply.Refuse(errno)), PlanOf(line));

    [Fact]
    public void Plan_ValueOfAStepThatFailed_IsMinusOne()
    {
        FlowStep step = StepOf("ioctl fd1 IOASID_FREE gpa");

        UapiCommand? command = step.Plan(new FlowNames(Host), Request).Command;

        Assert.Equal(new IoasidNumber(uint.MaxValue), Assert.IsType<IoasidFree>(command).Number);
    }

    [Fact]
    public void Plan_Declarations_CarryAllOptions()
    {
        var unit = Assert.IsType<DeclareUnit>(PlanOf("iommu vtd1 enforce_snoop width 57 pages 4K,1G scalable reserved 0x1000+4K reserved 0+16").Command);
        var device = Assert.IsType<DeclareDevice>(
            PlanOf("device d behind vtd0 id 10DE:0300 group g coherent_only driver vfio-ap opens_at attach reserved 0+1").Command);

        Assert.Equal((true, 57, (4UL << 10) | (1UL << 30), true),
            (unit.Capabilities.EnforceSnoop, unit.Capabilities.AddressWidth, unit.Capabilities.PageSizes, unit.Capabilities.ScalableMode));
        Assert.Equal([new IovaRange(0x1000, 0x1fff), new IovaRange(0, 15)], unit.Capabilities.Reserved);
        Assert.Equal((new UnitId("h/vtd0"), new GroupId("h/g"), new PciId(0x10de, 0x0300), true, DeviceDriver.VfioAp, DriverOpens.AtAttach),
            (device.Traits.Unit, device.Traits.Group, device.Traits.Id, device.Traits.CoherentOnly, device.Traits.Driver, device.Traits.Opens));
        Assert.Equal([new IovaRange(0, 0)], device.Traits.Reserved);
    }

    [Fact]
    public void Plan_DeclarationWithoutOptions_HasTheDefaults()
    {
        var unit = Assert.IsType<DeclareUnit>(PlanOf("iommu vtd1").Command).Capabilities;
        DeviceTraits device = Assert.IsType<DeclareDevice>(PlanOf("device d behind vtd0").Command).Traits;

        Assert.Equal((false, 48, IommuCapabilities.AllPageSizes, false, 0), (unit.EnforceSnoop, unit.AddressWidth, unit.PageSizes, unit.ScalableMode, unit.Reserved.Length));
        Assert.Equal((new GroupId("h/d"), new PciId(0x8086, 0x0200), DeviceDriver.VfioPci, DriverOpens.AtBind), (device.Group, device.Id, device.Driver, device.Opens));
    }

    [Theory]
    [InlineData("dma dev1 write 0+2", "dddd")]
    [InlineData("dma dev1 write 0+2 data 0xBEef", "beef")]
    [InlineData("dma dev1 write 0+3 no_snoop data \"a #\"", "612023")]
    [InlineData("cpu vm1 write 0 00ff", "00ff")]
    [InlineData("cpu fd1 write 0 \"=>\"", "3d3e")]
    public void Plan_Bytes_AreHexOrText(string line, string hex)
    {
        byte[]? bytes = PlanOf(line).Command switch
        {
            DeviceDma dma => dma.Data,
            CpuWrite write => write.Data,
            _ => null,
        };

        Assert.Equal(hex, Convert.ToHexStringLower(bytes!));
    }

    [Fact]
    public void Guesses_ComeFromTheMargin()
    {
        const string text = "open fd1 /dev/ioasid\na = ioctl fd1 IOASID_ALLOC snoop => 5\nb = ioctl fd1 IOASID_ALLOC snoop\n"
            + "iommu u\ndevice d behind u\nc = choose fd1 d => 0 no_snoop\ne = choose fd1 d\n";

        FlowNames names = new FlowNames(Host).WithGuesses(FlowParser.Parse(text, "g.flow").Flow!);

        Assert.Equal(
            [new IoctlValue.Number(5), new IoctlValue.Number(1), new IoctlValue.Flag(SnoopFormat.NoSnoop), new IoctlValue.Flag(SnoopFormat.Snoop)],
            new[] { "a", "b", "c", "e" }.Select(names.ValueOf));
    }

    private static StepPlan PlanOf(string line)
    {
        var names = new FlowNames(Host);
        names.Bind("gpa", new IoctlValue.Number(3));
        names.Bind("flag", new IoctlValue.Flag(SnoopFormat.NoSnoop));
        return StepOf(line).Plan(names, Request);
    }

    private static FlowStep StepOf(string line)
    {
        string text = Declared + line;
        ParsedFlow parsed = FlowParser.Parse(text, "p.flow");
        Assert.Empty(parsed.Errors);
        return parsed.Flow!.Lines[^1].Step!;
    }
}
