// The rules by which a right margin matches what happened.
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

public sealed class ExpectationTests
{
    private static readonly Reply Zero = Reply.Ok;
    private static readonly Reply Three = new(Errno.OK, 3);
    private static readonly Reply Kvm = Reply.With(new KvmCoherency(1));
    private static readonly Reply Refused = Reply.Refuse(Errno.EINVAL);

    public static TheoryData<string, Reply, bool> Rows => new()
    {
        { "", Refused, true },
        { "=> 0", Zero, true },
        { "=> 0", Three, false },
        { "=> 0x3", Three, true },
        { "=> 0", Refused, false },
        { "=> -EINVAL", Refused, true },
        { "=> -EBUSY", Refused, false },
        { "=> -EINVAL", Zero, false },
        { "=> 0", Kvm, true },
        { "=> 0 wbinvd=emulated", Kvm, true },
        { "=> 0 wbinvd=emulated noncoherent_dma=1", Kvm, true },
        { "=> 0 wbinvd=nop", Kvm, false },
        { "=> 0 wbinvd", Kvm, false },
        { "=> 0 wbinvd=emulated more", Kvm, false },
        { "=> 0 wbinvd=nop", Zero, false },
        { "=> 3  # a comment asserts nothing", Three, true },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Match_ResultEqualAndWrittenWordsAmongTheOutputs(string margin, Reply reply, bool match)
    {
        Flow flow = FlowParser.Parse("vm v " + margin, "m.flow").Flow!;

        Assert.Equal(match, new StepResult(flow.Lines[0], reply).Match);
    }
}
