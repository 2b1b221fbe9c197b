// Every recording of the real kernel gives the same results on three silos as on the Machine.
using IoasidGrains.Console;

namespace IoasidGrains.Tests;

[Collection(ClusterFixture.Collection)]
public sealed class ConformOnClusterTests(ClusterFixture clusters)
{
    [Theory]
    [InlineData("cases.jsonl")]
    [InlineData("sequences.jsonl")]
    public async Task EveryRecording_IsAnsweredTheSameOnThreeSilos(string file)
    {
        var hosts = new ReplayHosts(ClusterFixture.UapiOf(clusters.ThreeSilos), ClusterFixture.NewHost().Name, _ => ValueTask.CompletedTask);
        List<ConformResult> results = [];
        foreach (Recorded recorded in RecordingFile.Read(Path.Combine(ConformVerbTests.Folder(), file)))
        {
            results.Add(await ConformVerb.Replay(hosts, recorded, ""));
        }

        Assert.Equal([], results.Where(result => !result.Passed).SelectMany(ConformReport.Lines));
    }
}
