// What a run prints and what it writes back, to the byte.
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

public sealed class FlowOutputTests
{
    private const string File = """
        # A flow.
        iommu   vtd0    => 0
        open fd1 /dev/ioasid => 0

        ioctl vm1 KVM_UPDATE_IOASID_FD fd1   => 0 wbinvd=nop  # told
        sync
        close fd1
        # end
        """;

    private const string Printed = """
        # A flow.
        iommu vtd0                           => 0
        open fd1 /dev/ioasid                 => -EINVAL
          - => 0
          + => -EINVAL

        ioctl vm1 KVM_UPDATE_IOASID_FD fd1   => 0 noncoherent_dma=0 wbinvd=nop  # told
        sync
        close fd1                            => 0
        # end
        a.flow: 4 steps, 3 match, 1 differ

        """;

    private const string Rewritten = """
        # A flow.
        iommu   vtd0                         => 0
        open fd1 /dev/ioasid                 => -EINVAL

        ioctl vm1 KVM_UPDATE_IOASID_FD fd1   => 0 noncoherent_dma=0 wbinvd=nop  # told
        sync
        close fd1                            => 0
        # end
        """;

    [Fact]
    public async Task Print_AlignsMarginsAndShowsDifferencesBelow()
    {
        var output = new StringWriter { NewLine = "\n" };
        Flow flow = Parse(File);
        var printer = new FlowPrinter(output, flow);

        printer.Finish(await Runner().Run(flow, printer.Report));

        Assert.Equal(Printed, output.ToString());
    }

    [Fact]
    public async Task Print_Status_StandsUnderItsStep()
    {
        var output = new StringWriter { NewLine = "\n" };
        Flow flow = Parse("status # now");
        var printer = new FlowPrinter(output, flow);

        printer.Finish(await Runner().Run(flow, printer.Report));

        Assert.Equal(
            "status  # now\n  KIND       NAME           STATE          DETAIL\n  iommu      u              idle           width=48\na.flow: 1 steps, 1 match, 0 differ\n",
            output.ToString());
    }

    [Fact]
    public async Task Rewrite_RecordsResults_AndTwiceChangesNothing()
    {
        string once = FlowRewriter.Rewrite(await Runner().Run(Parse(File)));
        FlowResult again = await Runner().Run(Parse(once));

        Assert.Equal(Rewritten, once);
        Assert.Equal(once, FlowRewriter.Rewrite(again));
        Assert.Equal(0, again.Differed);
    }

    [Theory]
    [InlineData("vm v\r\n# c\r\n\r\n")]
    [InlineData("vm v => 0")]
    [InlineData("\tvm\tv   => 7 # odd")]
    [InlineData("")]
    public async Task Rewrite_AnyLineEnds_StayAndTwiceChangesNothing(string text)
    {
        string once = FlowRewriter.Rewrite(await Runner().Run(Parse(text)));

        Assert.Equal(once, FlowRewriter.Rewrite(await Runner().Run(Parse(once))));
        Assert.Equal(text.Count(c => c == '\r'), once.Count(c => c == '\r'));
        Assert.Equal(text.Count(c => c == '\n'), once.Count(c => c == '\n'));
    }

    [Fact]
    public async Task Json_HasTheFieldsOfEachStep()
    {
        Flow flow = Parse(File);
        FlowResult result = await Runner().Run(flow);

        Assert.Equal(
            """{"file":"a.flow","line":5,"step":"ioctl vm1 KVM_UPDATE_IOASID_FD fd1","result":"0 noncoherent_dma=0 wbinvd=nop","errno":"OK","value":0,"outputs":["noncoherent_dma=0","wbinvd=nop"],"expected":"0 wbinvd=nop","match":true}""",
            FlowJson.Step("a.flow", result.Results[2]));
        Assert.Equal("""{"file":"a.flow","steps":4,"matched":3,"differed":1}""", FlowJson.Sum(result));
    }

    private static FlowRunner Runner()
    {
        var unit = new ObjectId(ObjectKind.IommuUnit, "h/u");
        var uapi = new FakeUapi(command => command switch
        {
            OpenFd => Reply.Refuse(Errno.EINVAL),
            KvmUpdateIoasidFd => Reply.With(new KvmCoherency(0)),
            DescribeObject describe => Reply.With(new ObjectStatus(describe.Target, "idle", "width=48", [])),
            _ => null,
        }) { Objects = [unit] };
        return new FlowRunner(uapi, new HostId("h"), "s");
    }

    private static Flow Parse(string text) => FlowParser.Parse(text, "a.flow").Flow!;
}
