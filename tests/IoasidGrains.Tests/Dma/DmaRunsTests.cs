// The client's side of a workload: what it sends, when it ends, what it reports of a run that was lost.
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

public sealed class DmaRunsTests
{
    private static readonly DeviceId Device = new("host1/dev1");
    private static readonly DmaWorkload Workload = new(DmaPattern.UniformRandom, new IovaRange(0, DmaWorkload.MinWindow - 1), 100, 1);

    [Fact]
    public async Task Run_IsWatchedUntilItIsOver()
    {
        int watched = 0;
        var uapi = new FakeUapi(command => Reply.With(Report(command is WatchDma && ++watched == 3 ? DmaRunState.Completed : DmaRunState.Running, watched)));
        var heard = new List<long>();
        int pauses = 0;

        Reply reply = await Run(uapi, default, report => heard.Add(report.Accesses), () => pauses++);

        Assert.Equal(Report(DmaRunState.Completed, 3), reply.Outputs);
        Assert.Equal([0L, 1, 2, 3], heard);
        Assert.Equal(3, pauses);
        Assert.Equal([typeof(StartDma), typeof(WatchDma), typeof(WatchDma), typeof(WatchDma)], uapi.Commands.Select(command => command.GetType()));
        Assert.Equal([1L, 2, 3, 4], uapi.Commands.Select(command => command.Request.Sequence));
    }

    [Fact]
    public async Task Run_OverAtOnce_IsNotWatched()
    {
        var uapi = new FakeUapi(_ => Reply.With(Report(DmaRunState.Completed, 100)));

        await Run(uapi, default);

        Assert.IsType<StartDma>(Assert.Single(uapi.Commands));
    }

    [Fact]
    public async Task Run_Cancelled_IsStopped_AndTheLastReportIsTheOneOfTheStop()
    {
        var cancellation = new CancellationTokenSource();
        var uapi = new FakeUapi(command => Reply.With(command is StopDma ? Report(DmaRunState.Cancelled, 55) : Report(DmaRunState.Running, 50)));

        Reply reply = await Run(uapi, cancellation.Token, pause: cancellation.Cancel);

        Assert.Equal(Report(DmaRunState.Cancelled, 55), reply.Outputs);
        Assert.Equal(7, Assert.IsType<StopDma>(uapi.Commands[^1]).Number);
    }

    [Theory]
    [InlineData(Errno.ENOENT)]
    [InlineData(Errno.EIO)]
    public async Task Run_Lost_ReportsWhatWasSeenLast(Errno errno)
    {
        int calls = 0;
        var uapi = new FakeUapi(_ => ++calls <= 3 ? Reply.With(Report(DmaRunState.Running, calls * 10)) : Reply.Refuse(errno));

        Reply reply = await Run(uapi, default);

        Assert.True(reply.Succeeded);
        Assert.Equal(Report(DmaRunState.Lost, 30), reply.Outputs);
    }

    [Theory]
    [InlineData(Errno.EINVAL)]
    [InlineData(Errno.EBUSY)]
    [InlineData(Errno.EIO)]
    public async Task Run_NotStarted_AnswersWhy(Errno errno) =>
        Assert.Equal(Reply.Refuse(errno), await Run(new FakeUapi(_ => Reply.Refuse(errno)), default));

    private static Task<Reply> Run(FakeUapi uapi, CancellationToken cancellation, Action<DmaReport>? progress = null, Action? pause = null) => DmaRuns.Run(
        uapi, new RequestIds("run"), Device, Workload, progress ?? (_ => { }),
        () =>
        {
            pause?.Invoke();
            return ValueTask.CompletedTask;
        },
        cancellation);

    private static DmaReport Report(DmaRunState state, long accesses) =>
        DmaReport.Nothing with { Number = 7, State = state, Accesses = accesses };
}
