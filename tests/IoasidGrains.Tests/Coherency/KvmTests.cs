// What a Kvm keeps through retries and losses: its files, its count, and the flush that an edge may owe.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class KvmTests
{
    private static readonly FdId Fd = new("h/fd1");
    private static readonly VmId Vm = new("h/vm1");
    private static readonly DeviceId A = new("h/A");
    private static readonly DeviceId B = new("h/B");

    private readonly Machine _machine = new();
    private long _sequence;

    public KvmTests()
    {
        foreach ((DeviceId device, bool enforces) in new[] { (A, true), (B, false) })
        {
            var unit = new UnitId(device.Key + "-unit");
            Call(new DeclareUnit(unit, new IommuCapabilities(enforces, 48, IommuCapabilities.AllPageSizes, false, [])));
            Call(new DeclareDevice(device, new DeviceTraits(
                unit, new GroupId(device.Key), new PciId(0x8086, 0x0300), false, DeviceDriver.VfioPci, DriverOpens.AtBind, [])));
        }
    }

    [Fact]
    public void Files_AfterTheLossOfTheKvm_AreThoseOfBefore()
    {
        Call(new KvmFileAdd(Vm, A));
        Assert.Equal("0 noncoherent_dma=1 wbinvd=emulated", Call(new KvmFileAdd(Vm, B)));
        _machine.Lose(Vm.Object);
        Assert.Equal("running noncoherent_dma=1 wbinvd=emulated files=A:coherent,B:noncoherent", Call(new DescribeObject(Vm.Object))[2..]);
        Assert.Equal("-EEXIST", Call(new KvmFileAdd(Vm, B)));
        Assert.Equal("0 noncoherent_dma=0 wbinvd=nop", Call(new KvmFileDel(Vm, B)));
        Assert.Equal("-ENOENT", Call(new KvmFileDel(Vm, B)));
        _machine.Lose(Vm.Object);
        Assert.Equal("-EEXIST", Call(new KvmFileAdd(Vm, A)));
        Assert.Equal("0 ignored", Call(new CpuWbinvd(Vm)));
    }

    [Fact]
    public void FileAdd_AskedAgainAfterOthersAndALoss_AnswersAsBefore()
    {
        var add = new KvmFileAdd(Vm, B) { Request = new("other", 1) };
        Assert.Equal("0 noncoherent_dma=1 wbinvd=emulated", Send(add));
        Call(new KvmFileAdd(Vm, A));
        Call(new KvmFileDel(Vm, A));
        Call(new KvmFileDel(Vm, B));
        Assert.Equal("0 noncoherent_dma=1 wbinvd=emulated", Send(add));
        _machine.Lose(Vm.Object);
        Assert.Equal("0 noncoherent_dma=1 wbinvd=emulated", Send(add));
        Assert.Equal("0 ignored", Call(new CpuWbinvd(Vm)));
    }

    [Fact]
    public void Close_DropsFilesAndTheirClaims_AlsoAfterALoss()
    {
        Call(new KvmFileAdd(Vm, A));
        Call(new KvmFileAdd(Vm, B));
        _machine.Lose(Vm.Object);
        var close = new CloseVm(Vm) { Request = new("c", 1) };
        Assert.Equal("0", Send(close));
        Assert.Equal(["h/vm1/closed"], _machine.Store.Claims.Keys);
        Assert.Equal("0", Send(close));
        _machine.Lose(Vm.Object);
        Assert.Equal("0", Send(close));
        Assert.Equal("-EBADF", Call(new KvmFileAdd(Vm, A)));
        Assert.StartsWith("0 ended noncoherent_dma=0", Call(new DescribeObject(Vm.Object)));
    }

    [Fact]
    public void FileOfNoDevice_OrOfAClosedOne_IsRefused()
    {
        Assert.Equal("-ENODEV", Call(new KvmFileAdd(Vm, new DeviceId("h/nobody"))));
        Assert.Equal("-EINVAL", Call(new KvmFileAdd(Vm, default)));
        Call(new CloseDevice(A));
        Assert.Equal("-EBADF", Call(new KvmFileAdd(Vm, A)));
        Assert.DoesNotContain(_machine.Store.Claims.Keys, name => name.Contains("/files/"));
    }

    /// <summary>The same request is the same wbinvd: it is counted once and tells again what it did.</summary>
    [Fact]
    public void Wbinvd_AskedAgain_AnswersTheSameAndIsCountedOnce()
    {
        Call(new KvmFileAdd(Vm, B));
        Call(new CpuWrite(Vm.Memory, 0, [1]));
        var wbinvd = new CpuWbinvd(Vm) { Request = new("guest", 1) };
        Assert.Equal("0 flushed cpus=0 lines=1", Send(wbinvd));
        Assert.Equal("0 flushed cpus=0 lines=1", Send(wbinvd));
        Assert.Equal("0 wbinvd_executed=1 wbinvd_ignored=0 caches_flushed=1 lines_flushed=1 ept_zaps=1", Call(new ReadKvmCosts(Vm)));
        _machine.Lose(Vm.Object);
        Assert.Equal("0 flushed cpus=0 lines=1", Send(wbinvd));
    }

    /// <summary>What was ignored before the edge is made good at it, on every CPU, and not at an edge of a side that does not ask for it.</summary>
    [Theory]
    [InlineData("push", "00")]
    [InlineData("push-and-flush", "07")]
    public void EdgeToNoncoherent_OfASideThatFlushes_WritesBackWhatWbinvdDidNot(string side, string expected)
    {
        Call(new OpenFd(Fd, OpenOptions.Default with { KvmSide = side }));
        Call(new KvmAddIoasidFd(Vm, Fd));
        Call(new VfioBindIoasidFd(B, Fd));
        Call(new IoasidAlloc(Fd, SnoopFormat.NoSnoop, 48));
        Call(new IoasidMapDma(Fd, new IoasidNumber(1), 0, 4096, new UserAddress(Vm.Memory, 0), DmaAccess.ReadWrite));
        Call(new CpuWrite(Vm.Memory, 0, [7]) { Cpu = new CpuId(3) });
        Assert.Equal("0 ignored", Call(new CpuWbinvd(Vm)));
        Call(new VfioAttachIoasid(B, new IoasidNumber(1), SnoopFormat.NoSnoop));
        Assert.Equal($"0 at=vm1+0x0 not_snooped data={expected}", Call(new DeviceDma(B, 0, 1, DmaAccess.Read, true, null)));
    }

    [Fact]
    public void MemoryOfAVm_AfterTheLossOfItsKvm_IsToldAgainWhatWbinvdDoes()
    {
        Call(new KvmFileAdd(Vm, B));
        _machine.Lose(Vm.Object);
        _machine.Lose(Vm.Memory.Object);
        Call(new CpuWbinvd(Vm));
        Assert.Null(Invariants.FirstBroken(MachineStatus.Held(_machine)));
        Assert.Contains("wbinvd=emulated", Call(new DescribeObject(Vm.Memory.Object)));
    }

    [Fact]
    public void Cpu_OutOfRange_IsEinval()
    {
        Assert.Equal("-EINVAL", Call(new CpuWbinvd(Vm) { Cpu = new CpuId(CpuId.Largest + 1) }));
        Assert.Equal("-EINVAL", Call(new CpuRead(Vm.Memory, 0, 1) { Cpu = new CpuId(-1) }));
        Assert.Equal("-EINVAL", Call(new CpuWrite(Vm.Memory, 0, [1]) { Cpu = new CpuId(-1) }));
    }

    private string Call(UapiCommand command) => Send(command with { Request = new("setup", ++_sequence) });

    private string Send(UapiCommand command) => _machine.Call(command).Result.ToString();
}
