// Every policy runs on grains too: the histories that break it print the same bytes on the Machine, on one silo and on three.
using IoasidGrains.Core;
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

[Collection(ClusterFixture.Collection)]
public sealed class CounterexamplesOnClusterTests(ClusterFixture clusters)
{
    [Fact]
    public async Task Counterexample_OfEveryProfile_PrintsTheSameOnEveryRunner()
    {
        string directory = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            await CommandRun.Of(["explore", "--depth", "5", "--out", directory]);
            string[] files = [.. Directory.GetFiles(directory, "*.flow").Order(StringComparer.Ordinal)];
            Assert.True(files.Length >= 10, $"only {files.Length} counterexamples to depth 5");
            foreach (string file in files)
            {
                Flow flow = FlowParser.Parse(await File.ReadAllTextAsync(file), Path.GetFileName(file)).Flow!;
                string machine = await FlowsOnClusterTests.Print(flow, new Machine());
                Assert.Contains(" 0 differ", machine);
                Assert.Equal(machine, await FlowsOnClusterTests.Print(flow, ClusterFixture.UapiOf(clusters.OneSilo)));
                Assert.Equal(machine, await FlowsOnClusterTests.Print(flow, ClusterFixture.UapiOf(clusters.ThreeSilos)));
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
