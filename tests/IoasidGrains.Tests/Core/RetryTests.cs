// The same request id again is the same operation: answered from the log, not done twice.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class RetryTests
{
    private static readonly FdId Fd = new("h/fd1");
    private readonly Machine _machine = new();
    private long _sequence;

    public RetryTests() => Assert.Equal("0", Call(new OpenFd(Fd, OpenOptions.Default)));

    [Fact]
    public void Alloc_SentAgain_AnswersTheSameNumber()
    {
        var alloc = new IoasidAlloc(Fd, SnoopFormat.Snoop, 48) { Request = new("client", 1) };
        Assert.Equal("1", Send(alloc));
        Assert.Equal("1", Send(alloc));
        Assert.Equal("2", Send(alloc with { Request = new("client", 2) }));
    }

    [Fact]
    public void Retry_AfterTheFdStartedAgain_IsAnsweredFromTheLog()
    {
        var alloc = new IoasidAlloc(Fd, SnoopFormat.Snoop, 48) { Request = new("client", 1) };
        Assert.Equal("1", Send(alloc));
        _machine.Lose(Fd.Object);
        Assert.Equal("1", Send(alloc));
    }

    [Fact]
    public void Update_SentAgain_AnswersWhatKvmAnsweredThen()
    {
        var vm = new VmId("h/vm1");
        Call(new KvmAddIoasidFd(vm, Fd));
        Call(new IoasidAlloc(Fd, SnoopFormat.NoSnoop, 48));
        var update = new KvmUpdateIoasidFd(vm, Fd) { Request = new("client", 1) };
        Assert.Equal("0 noncoherent_dma=1 wbinvd=emulated", Send(update));
        Assert.Equal("0 noncoherent_dma=1 wbinvd=emulated", Send(update));
    }

    [Fact]
    public void RefusedRequest_SentAgain_IsDecidedAgain()
    {
        var free = new IoasidFree(Fd, new IoasidNumber(1)) { Request = new("client", 1) };
        Assert.Equal("-ENOENT", Send(free));
        Call(new IoasidAlloc(Fd, SnoopFormat.Snoop, 48));
        Assert.Equal("0", Send(free));
        Assert.Equal("0", Send(free));
    }

    [Fact]
    public void Request_OlderThanTheWindowOfItsSession_AnswersEstale()
    {
        for (int i = 1; i <= AnswerWindow.PerSession + 1; i++)
        {
            Send(new IoasidAlloc(Fd, SnoopFormat.Snoop, 48) { Request = new("client", i) });
        }

        Assert.Equal("-ESTALE", Send(new IoasidAlloc(Fd, SnoopFormat.Snoop, 48) { Request = new("client", 1) }));
        Assert.Equal("2", Send(new IoasidAlloc(Fd, SnoopFormat.Snoop, 48) { Request = new("client", 2) }));
    }

    [Fact]
    public void SessionsBeyondTheLimit_ForgetTheOneLongestSilent()
    {
        AnswerWindow window = AnswerWindow.Empty;
        for (int i = 1; i <= AnswerWindow.Sessions + 1; i++)
        {
            window = window.Add(new LogRecord(i, new RequestId($"s{i}", 1), Reply.Ok, []));
        }

        Assert.Null(window.Find(new RequestId("s1", 1), out _));
        Assert.NotNull(window.Find(new RequestId("s2", 1), out _));
    }

    /// <summary>A long log is kept short, and the fd that starts from it is the same: numbers, mappings, devices, KVM links and answers.</summary>
    [Fact]
    public void LongLog_IsShortened_AndTheFdThatStartsFromItIsTheSame()
    {
        Populate();
        for (int i = 0; i < CommitStore.LongLog; i++)
        {
            Call(new IoasidMapDma(Fd, new IoasidNumber(1), (ulong)(i + 16) * 4096, 4096, new UserAddress(new VmId("h/vm1").Memory, 0), DmaAccess.Read));
        }

        Assert.InRange(_machine.Store.Load(Fd.Object).Log.Length, 2, CommitStore.LongLog / 2);
        string[] before = MachineStatus.Lines(_machine);
        var ioasid = new IoasidId(Fd, new IoasidNumber(1));
        foreach (ObjectId lost in new[] { Fd.Object, ioasid.Object, new PageTableId(ioasid, 0).Object })
        {
            _machine.Lose(lost);
        }

        Assert.Equal("1", Send(new IoasidAlloc(Fd, SnoopFormat.Snoop, 48) { Request = new("client", 1) }));
        Assert.StartsWith("0 at=vm1", Call(new DeviceDma(new DeviceId("h/A"), 16 * 4096, 1, DmaAccess.Read, false, null)));
        Assert.Equal(before, MachineStatus.Lines(_machine));
        Assert.Equal("3", Call(new IoasidAlloc(Fd, SnoopFormat.Snoop, 48)));
    }

    private void Populate()
    {
        var unit = new UnitId("h/u");
        var device = new DeviceId("h/A");
        Call(new DeclareUnit(unit, new IommuCapabilities(true, 48, IommuCapabilities.AllPageSizes, false, [])));
        Call(new DeclareDevice(device, new DeviceTraits(unit, new GroupId("h/A"), default, false, DeviceDriver.VfioPci, DriverOpens.AtBind, [])));
        Assert.Equal("0", Call(new VfioBindIoasidFd(device, Fd)));
        Assert.Equal("1", Send(new IoasidAlloc(Fd, SnoopFormat.Snoop, 48) { Request = new("client", 1) }));
        Assert.Equal("2", Call(new IoasidAlloc(Fd, SnoopFormat.NoSnoop, 48)));
        Assert.Equal("0", Call(new KvmAddIoasidFd(new VmId("h/vm1"), Fd)));
        Assert.StartsWith("0", Call(new KvmUpdateIoasidFd(new VmId("h/vm1"), Fd)));
        Assert.Equal("0", Call(new VfioAttachIoasid(device, new IoasidNumber(1), SnoopFormat.Snoop)));
    }

    private string Call(UapiCommand command) => Send(command with { Request = new("setup", ++_sequence) });

    private string Send(UapiCommand command) => _machine.Call(command).Result.ToString();
}
