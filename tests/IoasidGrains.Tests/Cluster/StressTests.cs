// Many clients, few objects, three silos: nothing hangs, nothing throws, and at the end all records agree.
using IoasidGrains.Contracts;
using IoasidGrains.Core;
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

[Collection(ClusterFixture.Collection)]
public sealed class StressTests(ClusterFixture clusters)
{
    private const int Clients = 64;

    /// <summary>Far above what is needed; only a deadlock reaches it.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(3);

    [Theory]
    [InlineData(20210607, 50_048, 0)]
    [InlineData(20210608, 9_600, 97)]
    public async Task ConcurrentClients_OnSharedObjects_LeaveRecordsThatAgree(int seed, int operations, int loseEvery)
    {
        HostId host = ClusterFixture.NewHost();
        ClusterUapi uapi = ClusterFixture.UapiOf(clusters.ThreeSilos);
        var playground = new StressPlayground();
        await playground.Build(new ClusterClient(uapi, host, "builder"));
        StressClient[] clients = [.. Enumerable.Range(0, Clients)
            .Select(i => new StressClient(new ClusterClient(uapi, host, $"c{i}"), playground, new Random(seed + i)))];
        LossyCalls.LoseEvery(loseEvery);
        try
        {
            // Every client starts its operations on the pool, so that they really meet.
            await Task.WhenAll(clients.Select(client => Task.Run(() => client.Run(operations / Clients)))).WaitAsync(Deadline);
        }
        finally
        {
            LossyCalls.LoseEvery(0);
        }

        string? broken = Invariants.FirstBroken(await new StatusReader(uapi, "status").Read(host));
        Assert.True(broken is null, $"Seed {seed}: {broken}");
        Assert.Equal(operations, clients.Sum(client => client.Done.Values.Sum(outcomes => outcomes.Values.Sum())));
        foreach (string kind in StressClient.Kinds)
        {
            Dictionary<Errno, int>[] all = [.. clients.Select(client => client.Done.GetValueOrDefault(kind) ?? [])];
            int CountOf(Errno errno) => all.Sum(outcomes => outcomes.GetValueOrDefault(errno));
            Assert.True(CountOf(Errno.OK) > 0, $"Seed {seed}: no {kind} succeeded.");
            Assert.True(loseEvery != 0 || CountOf(Errno.EIO) == 0, $"Seed {seed}: {CountOf(Errno.EIO)} of {kind} answered EIO though nothing was lost.");
        }
    }
}
