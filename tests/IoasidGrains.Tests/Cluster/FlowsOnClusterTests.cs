// Every flow of tests/flows prints the same bytes on the Machine, on one silo and on three.
using System.Runtime.CompilerServices;
using IoasidGrains.Core;
using IoasidGrains.Flows;
using Orleans.TestingHost;

namespace IoasidGrains.Tests;

[Collection(ClusterFixture.Collection)]
public sealed class FlowsOnClusterTests(ClusterFixture clusters)
{
    public static TheoryData<string> Files => [.. Directory.GetFiles(Folder(), "*.flow").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Flow_OnEveryRunner_PrintsTheSame(string file)
    {
        Flow flow = FlowParser.Parse(await File.ReadAllTextAsync(Path.Combine(Folder(), file)), file).Flow!;
        string machine = await Print(flow, new Machine());
        Assert.Equal(machine, await PrintOn(flow, clusters.OneSilo));
        Assert.Equal(machine, await PrintOn(flow, clusters.ThreeSilos));
    }

    private static Task<string> PrintOn(Flow flow, TestCluster cluster) => Print(flow, ClusterFixture.UapiOf(cluster));

    internal static async Task<string> Print(Flow flow, IUapi uapi)
    {
        var output = new StringWriter();
        var printer = new FlowPrinter(output, flow);
        HostId host = ClusterFixture.NewHost();
        printer.Finish(await new FlowRunner(uapi, host, host.Name).Run(flow, printer.Report));
        return output.ToString();
    }

    private static string Folder([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "flows");
}
