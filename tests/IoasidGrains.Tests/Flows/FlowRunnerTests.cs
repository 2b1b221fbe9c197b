// How steps are sent: order, clients, request ids, and what is closed at the end.
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

public sealed class FlowRunnerTests
{
    private static readonly HostId Host = new("h");

    [Fact]
    public async Task Run_NamesHoldValues_ForLaterSteps()
    {
        var uapi = new FakeUapi(command => command is IoasidAlloc ? new Reply(Errno.OK, 9) : null);

        await Run(uapi, "open f /dev/ioasid\ngpa = ioctl f IOASID_ALLOC snoop => 9\nioctl f IOASID_FREE gpa");

        Assert.Equal(new IoasidNumber(9), Assert.IsType<IoasidFree>(uapi.Commands[^1]).Number);
    }

    [Fact]
    public async Task Run_RequestIds_AreTheSameInEveryRunAndPerClient()
    {
        const string text = "open f /dev/ioasid\n@a ioctl f IOASID_FREE 1\n@b ioctl f IOASID_FREE 2\n@a ioctl f IOASID_FREE 3\nsync\nclose f";
        var uapi = new FakeUapi();

        await Run(uapi, text);

        Assert.Equal(["s#1", "s/a#1", "s/b#1", "s/a#2", "s#2"], uapi.Commands.Select(command => command.Request.ToString()));
    }

    [Fact]
    public async Task Run_ClientsBetweenSyncs_AreUnderWayTogether()
    {
        var both = new TaskCompletionSource();
        int arrived = 0;
        var uapi = new FakeUapi { Gate = command => command is not IoasidFree ? Task.CompletedTask : Arrive() };

        FlowResult result = await Run(uapi, "open f /dev/ioasid\n@a ioctl f IOASID_FREE 1\n@b ioctl f IOASID_FREE 2\nclose f");

        Assert.Equal([1, 2, 3, 4], result.Results.Select(step => step.Line.Number));
        Assert.IsType<CloseFd>(uapi.Commands[^1]);

        Task Arrive()
        {
            if (Interlocked.Increment(ref arrived) == 2)
            {
                both.SetResult();
            }

            return both.Task;
        }
    }

    [Fact]
    public async Task Run_SyncAndStepsWithoutClient_WaitForAllBefore()
    {
        var gate = new TaskCompletionSource();
        var uapi = new FakeUapi { Gate = command => command is IoasidFree { Number.Value: 1 } ? gate.Task : Task.CompletedTask };

        Task<FlowResult> run = Run(uapi, "open f /dev/ioasid\n@a ioctl f IOASID_FREE 1\n@b ioctl f IOASID_FREE 2\nsync\n@b ioctl f IOASID_FREE 3");
        int sentBeforeSync = uapi.Commands.Count;
        gate.SetResult();
        await run;

        Assert.Equal(3, sentBeforeSync);
        Assert.Equal(4, uapi.Commands.Count);
    }

    [Fact]
    public async Task CloseAll_ClosesWhatIsOpen_ProcessesThenDevicesThenFdsThenVms()
    {
        var uapi = new FakeUapi(command => command is OpenFd { Fd.Key: "h/bad" } ? Reply.Refuse(Errno.EINVAL) : null);
        var runner = new FlowRunner(uapi, Host, "s");
        await runner.Run(Parse(
            "iommu u\ndevice d1 behind u\ndevice d2 behind u\nopen f /dev/ioasid\nopen bad /dev/ioasid\nopen g /dev/ioasid\nprocess p\n"
            + "ioctl vm1 KVM_ADD_IOASID_FD f\nclose d1\nclose g"));
        int before = uapi.Commands.Count;

        await runner.CloseAll();
        await runner.CloseAll();

        Assert.Equal(
            [new CloseFd(new FdId("h/p")), new CloseDevice(new DeviceId("h/d2")), new CloseFd(new FdId("h/f")), new CloseVm(new VmId("h/vm1"))],
            uapi.Commands.Skip(before).Select(command => command with { Request = default }));
    }

    [Fact]
    public async Task CloseAll_AtAPortThatBreaks_ClosesTheOthers_ThenThrows()
    {
        var uapi = new FakeUapi(command => command is CloseDevice { Device.Key: "h/d1" } ? throw new InvalidOperationException("broken") : null);
        var runner = new FlowRunner(uapi, Host, "s");
        await runner.Run(Parse("iommu u\ndevice d1 behind u\ndevice d2 behind u\nopen f /dev/ioasid"));
        int before = uapi.Commands.Count;

        InvalidOperationException broken = await Assert.ThrowsAsync<InvalidOperationException>(runner.CloseAll);

        Assert.Equal("broken", broken.Message);
        Assert.Equal(
            [new CloseDevice(new DeviceId("h/d1")), new CloseDevice(new DeviceId("h/d2")), new CloseFd(new FdId("h/f"))],
            uapi.Commands.Skip(before).Select(command => command with { Request = default }));
    }

    [Fact]
    public async Task Status_AsksInventoryAndChildren_OnceEach()
    {
        var fd = new ObjectId(ObjectKind.IoasidFd, "h/f");
        var ioasid = new ObjectId(ObjectKind.Ioasid, "h/f/1");
        var unit = new ObjectId(ObjectKind.IommuUnit, "h/u");
        var uapi = new FakeUapi(command => command is DescribeObject describe && describe.Target != unit
            ? Reply.With(new ObjectStatus(describe.Target, "open", "", describe.Target == fd ? [ioasid, unit] : []))
            : Reply.Refuse(Errno.EIO)) { Objects = [unit, fd] };

        IReadOnlyList<ObjectStatus> rows = await new StatusReader(uapi, "s").Read(Host);

        Assert.Equal([fd, ioasid, unit], rows.Select(row => row.Id));
        Assert.Equal(["open", "open", "-EIO"], rows.Select(row => row.State));
        Assert.Equal(3, uapi.Commands.Count);
    }

    [Fact]
    public async Task WithProfile_ReplacesThePolicyOfEveryOpen()
    {
        var uapi = new FakeUapi();
        Flow flow = Parse("open f /dev/ioasid refuse_gap\n@c open g /dev/ioasid seed-strict mappings 1\nvm v").WithProfile("other");

        FlowResult result = await new FlowRunner(uapi, Host, "s").Run(flow);

        Assert.Equal(["open f /dev/ioasid other refuse_gap", "@c open g /dev/ioasid other mappings 1", "vm v"], result.Results.Select(step => step.Line.Text));
        Assert.All(uapi.Commands, command => Assert.Equal("other", Assert.IsType<OpenFd>(command).Options.Profile));
    }

    private static Task<FlowResult> Run(IUapi uapi, string text) => new FlowRunner(uapi, Host, "s").Run(Parse(text));

    private static Flow Parse(string text)
    {
        ParsedFlow parsed = FlowParser.Parse(text, "r.flow");
        Assert.Empty(parsed.Errors);
        return parsed.Flow!;
    }
}
