// What the search finds by itself, and that it finds the same whatever the threads and the names.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class SearchTests
{
    /// <summary>Check and steps of every break; what the mails and a real kernel knew, and what they did not.</summary>
    [Theory]
    [InlineData("seed-strict", 5, "3:2 4:2 bytes:5")]
    [InlineData("shared-sticky", 7, "4:3 5:3 bytes:7 taint:5")]
    [InlineData("shared-reformat", 7, "bytes:7")]
    [InlineData("type1", 7, "")]
    [InlineData("type1-hostwide", 5, "4:2 taint:2")]
    [InlineData("type1-reuse", 7, "4:5 5:4 taint:7")]
    [InlineData("iommufd-6.2", 7, "")]
    [InlineData("iommufd-6.7", 8, "3:5 5:4 bytes:8 taint:7")]
    [InlineData("coherent-ioasid", 6, "")]
    [InlineData("history-free", 7, "")]
    public void Search_OfAProfile_FindsTheShortestHistoryOfEachBreak(string profile, int depth, string expected) =>
        Assert.Equal(expected, TextOf(Run(Topology.Known[0], profile, depth).Broken));

    [Theory]
    [InlineData("iommufd-6.7")]
    [InlineData("shared-sticky")]
    [InlineData("seed-strict")]
    public void Search_OnOneThreadOrFive_FindsTheSameHistories(string profile)
    {
        SearchResult one = Run(Topology.Known[0], profile, 6, threads: 1);
        SearchResult five = Run(Topology.Known[0], profile, 6, threads: 5);

        Assert.Equal((one.States, one.Histories, TextOf(one.Broken)), (five.States, five.Histories, TextOf(five.Broken)));
        Assert.All(one.Broken.Zip(five.Broken), pair =>
        {
            Assert.Equal(pair.First.History, pair.Second.History);
            Assert.Equal(pair.First.Other, pair.Second.Other);
        });
    }

    /// <summary>Two devices that differ in their PCI class only behave alike and are no longer equal: more states, the same breaks.</summary>
    [Theory]
    [InlineData("iommufd-6.7", 7)]
    [InlineData("type1-reuse", 7)]
    [InlineData("rfc-v2", 5)]
    public void Symmetry_LosesNoBreak(string profile, int depth)
    {
        Topology equal = Topology.Known[0];
        Topology unequal = equal with
        {
            Devices = [.. equal.Devices.Select((device, i) => device with { Traits = device.Traits with { Id = new PciId(0x8086, (ushort)i) } })],
        };
        (SearchResult with, SearchResult without) = (Run(equal, profile, depth), Run(unequal, profile, depth));

        Assert.True(with.States < without.States);
        Assert.Equal(TextOf(without.Broken), TextOf(with.Broken));
    }

    [Fact]
    public void Search_OfOneMove_CoversTheMovesOfTheStart()
    {
        SearchResult result = Run(Topology.Known[1], "type1", 1);

        // Plug A or A2, which are equal; the guest reads or writes one of two equal pages, or executes wbinvd; free or unmap one of two IOASIDs; KVM_DEL, KVM_UPDATE.
        Assert.Equal(2 + 5 + 4 + 2, result.Histories);
        Assert.Equal(1 + 1 + 2 + 2 + 1, result.States);
    }

    [Fact]
    public void Search_ThatIsStopped_SaysWhatItCovered()
    {
        using var stop = new CancellationTokenSource();
        var search = new Search(Topology.Known[0], Profiles.Find("shared-sticky")!, 2, long.MaxValue) { Found = _ => stop.Cancel() };
        SearchResult result = search.Run(8, stop.Token);

        Assert.Equal((SearchEnd.Stopped, 3), (result.End, result.Depth));
        Assert.Equal("4:3 5:3", TextOf(result.Broken));
    }

    [Fact]
    public void Search_WithoutMemory_EndsCleanly()
    {
        SearchResult result = new Search(Topology.Known[0], Profiles.Find("type1")!, 2, memory: 1).Run(8, default);

        Assert.Equal((SearchEnd.OutOfMemory, 0, 1), (result.End, result.Depth, result.States));
    }

    [Theory]
    [InlineData("T2")]
    [InlineData("T3")]
    [InlineData("T4")]
    public void Search_WhereEveryUnitEnforces_BreaksNoPolicyThatDecidesItself(string name)
    {
        Topology topology = Topology.Known.Single(known => known.Name == name);
        foreach (Profile profile in Profiles.All.Where(profile => !profile.Sharing.UserChooses))
        {
            Assert.Equal("", TextOf(Run(topology, profile.Name, 5).Broken));
        }
    }

    [Fact]
    public void Visited_KnowsEveryStateAndItsPath()
    {
        var visited = new VisitedStates();
        var random = new Random(4);
        List<(UInt128 Key, List<int> Path)> added = [];
        for (int i = 0; i < 5000; i++)
        {
            (int parent, int move) = i == 0 ? (-1, 0) : (random.Next(i), random.Next(100));
            UInt128 key = new((ulong)random.NextInt64(), (ulong)random.NextInt64(8) + ((ulong)i << 8));
            visited.Add(key, parent, move);
            added.Add((key, i == 0 ? [] : [.. added[parent].Path, move]));
        }

        for (int i = 0; i < added.Count; i++)
        {
            Assert.True(visited.Contains(added[i].Key));
            Assert.False(visited.Contains(added[i].Key ^ (UInt128.One << 100)));
            Assert.Equal(added[i].Path, visited.PathTo(i));
        }
    }

    internal static SearchResult Run(Topology topology, string profile, int depth, int threads = 2) =>
        new Search(topology, Profiles.Find(profile)!, threads, long.MaxValue).Run(depth, default);

    private static string TextOf(IEnumerable<BrokenCheck> broken) => string.Join(' ', broken.Select(one => $"{Checks.NameOf(one.Check)}:{one.Steps}"));
}
