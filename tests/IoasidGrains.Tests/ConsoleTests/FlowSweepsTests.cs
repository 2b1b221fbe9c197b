// What the sweep verb reports when a sweep finds something: the first failure, with its trace and how to replay it.
using IoasidGrains.Console;
using IoasidGrains.Core;
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

public sealed class FlowSweepsTests
{
    private const string Text = "open fd1 /dev/ioasid\ngpa = ioctl fd1 IOASID_ALLOC snoop => 1\nioctl fd1 IOASID_FREE gpa\n";

    [Fact]
    public void Faults_AnswerDiffers_NamesTheFirstCallAndItsTrace()
    {
        SweepSum sum = new FlowSweeps(new UnstableScript(), _ => { }).Faults(FaultKind.LoseReply);

        Assert.Equal("lose_reply: broken at call 1", sum.Text);
        Assert.Equal("lose_reply@1", sum.Replay!.ToString());
        Assert.NotEmpty(sum.Failure!.Trace);
    }

    [Theory]
    [InlineData("17", true)]
    [InlineData("fail_before@3", true)]
    [InlineData("fail_after@3", true)]
    [InlineData("lose_reply@3", true)]
    [InlineData("lose_reply@0", false)]
    [InlineData("lose_reply", false)]
    [InlineData("-1", false)]
    [InlineData("a@b@c", false)]
    public void Replay_Spelling_ReadsBackAsItIsWritten(string text, bool known) =>
        Assert.Equal(known ? text : null, Replay.Parse(text)?.ToString());

    [Fact]
    public void Interleavings_OneSeedAgain_IsTheSameSchedule()
    {
        var sweep = new InterleavingSweep(new FlowScript(FlowParser.Parse(Text, "s.flow").Flow!));

        Assert.Equal(sweep.Run(7).TraceHash, sweep.Run(7).TraceHash);
    }

    /// <summary>Stands for a machine that is wrong: the first run reads an extension that the fd has, all others one that it has not.</summary>
    private sealed class UnstableScript : IScript
    {
        private int _runs;

        public int Count => 2;

        public bool IsDealt(int step) => true;

        public string Text(int step) => $"step {step}";

        public IScriptRun Start(bool guesses) => new Run(Interlocked.Increment(ref _runs));

        private sealed class Run(int number) : IScriptRun
        {
            private static readonly FdId Fd = new("host1/fd1");

            public (UapiCommand? Command, Reply? Immediate) Plan(int step, RequestId request) => step == 0
                ? (new OpenFd(Fd, OpenOptions.Default) { Request = request }, null)
                : (new IoasidCheckExtension(Fd, number == 1 ? (uint)Extension.EXT_DMA_NO_SNOOP : uint.MaxValue) { Request = request }, null);

            public Reply Finish(int step, Reply reply) => reply;
        }
    }
}
