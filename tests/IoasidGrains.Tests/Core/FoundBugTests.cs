// Bugs that were found once, each as a rule that holds now.
using IoasidGrains.Console;
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class FoundBugTests
{
    private static readonly FdId Fd = new("h/fd1");
    private static readonly VmId Vm = new("h/vm1");
    private static readonly DeviceId A = new("h/A");
    private readonly Machine _machine = new();
    private long _sequence;

    [Fact]
    public void OldUpdate_AskedAgainAfterKvmStartedAgain_DoesNotMakeItIgnoreWbinvd()
    {
        Call(new OpenFd(Fd, OpenOptions.Default));
        Call(new KvmAddIoasidFd(Vm, Fd));
        var first = new KvmUpdateIoasidFd(Vm, Fd) { Request = new("client", 1) };
        Assert.Equal("0 noncoherent_dma=0 wbinvd=nop", Send(first));
        Call(new IoasidAlloc(Fd, SnoopFormat.NoSnoop, 48));
        Assert.Equal("0 noncoherent_dma=1 wbinvd=emulated", Call(new KvmUpdateIoasidFd(Vm, Fd)));
        _machine.Lose(Vm.Object);
        Assert.Equal("0 noncoherent_dma=0 wbinvd=nop", Send(first));
        Assert.Equal("0 flushed cpus=0 lines=0", Call(new CpuWbinvd(Vm)));
    }

    [Fact]
    public void AppendWhoseAnswerWasLost_IsRecognised_ThoughTheObjectStartedAgainMeanwhile()
    {
        var store = new CommitStore();
        long epoch = store.Load(Fd.Object).Epoch;
        var record = new LogRecord(1, new RequestId("s", 1), Reply.Ok, [new FdOpened(OpenOptions.Default)]);
        CommitResult first = store.Append(Fd.Object, epoch, record, []);
        store.Load(Fd.Object);
        Assert.Equal(first, store.Append(Fd.Object, epoch, record, []));
    }

    [Fact]
    public void RequestBeforeTheWindow_AnswersEstale_AlsoAfterTheLogWasShortened()
    {
        Call(new OpenFd(Fd, OpenOptions.Default));
        var old = new IoasidAlloc(Fd, SnoopFormat.Snoop, 48);
        for (int i = 1; i <= AnswerWindow.PerSession + 6; i++)
        {
            Send(old with { Request = new("old", i) });
        }

        for (int i = 0; i < CommitStore.LongLog; i++)
        {
            Call(old);
        }

        _machine.Lose(Fd.Object);
        Assert.Equal("-ESTALE", Send(old with { Request = new("old", 1) }));
    }

    /// <summary>Domain 6.5: an access that was translated before UNMAP answered is done before it answers, also if any one reply is lost on the way.</summary>
    [Fact]
    public void Unmap_AnswersAfterEveryAccessThatWasTranslatedBefore_ThoughAReplyIsLost()
    {
        const string Flow = """
            iommu u enforce_snoop
            device A behind u
            open fd1 /dev/ioasid
            ioctl A VFIO_BIND_IOASID_FD fd1
            ioctl fd1 IOASID_ALLOC snoop
            ioctl fd1 IOASID_MAP_DMA 1 0+4K 0x1000
            ioctl A VFIO_ATTACH_IOASID 1 snoop
            """;
        FlowScript script = TestFlows.Script(Flow);
        for (ulong seed = 0; seed < 100; seed++)
        {
            for (int lost = 24; lost < 44; lost++)
            {
                AssertDrained(script, seed, lost);
            }
        }
    }

    [Fact]
    public void MemoryThatIsMappedNoMore_LeavesItsPlaceToAnother()
    {
        Call(new OpenFd(Fd, OpenOptions.Default));
        Call(new IoasidAlloc(Fd, SnoopFormat.Snoop, 48));
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal("0", Call(Map(0, 4096, DmaAccess.Read, new VmId($"h/vm{i}").Memory)));
            Assert.Equal("0 size=0x1000", Call(new IoasidUnmapDma(Fd, new IoasidNumber(1), 0, 4096, false)));
        }
    }

    public static TheoryData<string, UapiCommand> MalformedCommands() => new()
    {
        { "no request id", new CpuWbinvd(Vm) { Request = default } },
        { "no device", new VfioAttachIoasid(default, new IoasidNumber(1), SnoopFormat.Snoop) },
        { "no fd", new VfioBindIoasidFd(A, default) },
        { "no options", new OpenFd(Fd, null!) },
        { "a format that is none", new IoasidAlloc(Fd, (SnoopFormat)7, 48) },
        { "an access that is none", Map(0, 4096, (DmaAccess)8, Vm.Memory) },
        { "memory of nobody", Map(0, 4096, DmaAccess.Read, default) },
        { "a write of nothing", new DeviceDma(A, 0, 1, DmaAccess.Write, false, null) },
        { "a read of too much", new DeviceDma(A, 0, DeviceDma.MaxLength + 1, DmaAccess.Read, false, null) },
        { "an access that neither reads nor writes", new DeviceDma(A, 0, 1, DmaAccess.None, false, null) },
        { "bytes that are not there", new CpuWrite(Vm.Memory, 0, null!) },
        { "an IOASID without a number", new DescribeObject(new ObjectId(ObjectKind.Ioasid, "h/fd1/zz")) },
        { "a kind that is none", new DescribeObject(new ObjectId((ObjectKind)99, "h/x")) },
        { "a unit without 4 KiB pages", new DeclareUnit(new UnitId("h/u"), new IommuCapabilities(true, 48, 2UL << 20, false, [])) },
        { "a unit of 40 bits", new DeclareUnit(new UnitId("h/u"), new IommuCapabilities(true, 40, IommuCapabilities.AllPageSizes, false, [])) },
    };

    [Theory]
    [MemberData(nameof(MalformedCommands))]
    public void MalformedCommand_AnswersEinval_AndTheFdGoesOn(string what, UapiCommand command)
    {
        Call(new OpenFd(Fd, OpenOptions.Default));
        Call(new IoasidAlloc(Fd, SnoopFormat.Snoop, 48));
        bool named = what != "no request id";
        Assert.Equal("-EINVAL", named ? Call(command) : Send(command));
        Assert.Equal("2", Call(new IoasidAlloc(Fd, SnoopFormat.Snoop, 48)));
    }

    /// <summary>One client writes by DMA, one unmaps; one reply is lost.</summary>
    private static void AssertDrained(FlowScript script, ulong seed, int lost)
    {
        var machine = new Machine(Schedule.Seeded(seed), new Fault(lost, FaultKind.LoseReply)) { Trace = [] };
        IScriptRun run = script.Start(guesses: false);
        for (int step = 0; step < script.Count; step++)
        {
            Operation operation = machine.Start(run.Plan(step, new RequestId("s", step + 1)).Command!);
            machine.RunAll();
            run.Finish(step, operation.Reply!);
        }

        var fd = new FdId("host1/fd1");
        machine.Start(new DeviceDma(new DeviceId("host1/A"), 0, 1, DmaAccess.Write, false, [1]) { Request = new("dma", 1) });
        Operation unmap = machine.Start(new IoasidUnmapDma(fd, new IoasidNumber(1), 0, 4096, false) { Request = new("unmap", 1) });
        int answered = -1;
        while (machine.TakeOne())
        {
            answered = answered < 0 && unmap.Reply is not null ? machine.Trace!.Count : answered;
        }

        IEnumerable<string> late = machine.Trace!.Skip(answered).Where(line => line.Contains(nameof(AccessMemory)) && line.Contains("Deliver"));
        Assert.True(!late.Any(), $"seed {seed}, reply {lost} lost:\n{string.Join('\n', machine.Trace!)}");
    }

    private static IoasidMapDma Map(ulong iova, ulong length, DmaAccess access, GuestMemoryId memory) =>
        new(Fd, new IoasidNumber(1), iova, length, new UserAddress(memory, 0), access);

    private string Call(UapiCommand command) => Send(command with { Request = new("setup", ++_sequence) });

    private string Send(UapiCommand command) => _machine.Call(command).Result.ToString();
}
