// history-free promises never to be worse than type1: the check that says so, and that it can fail.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class PromiseTests
{
    private static readonly string Scalable = "history-free-scalable";

    /// <summary>Policies that do not keep the promise, and how soon it shows.</summary>
    [Theory]
    [InlineData("coherent-ioasid", "promise:2")]
    [InlineData("shared-sticky", "promise:3")]
    [InlineData("type1", "promise:1")]
    [InlineData("iommufd-6.7", "promise:1")]
    [InlineData("shared-reformat", "")]
    [InlineData("history-free", "")]
    public void Promise_BesideType1_IsKeptByThoseWithOneTableThatFollowsItsDevices(string name, string expected)
    {
        SearchResult result = Run(Topology.Known[0], Profiles.Find(name)! with { Beside = "type1" }, depth: 5);
        Assert.Equal(expected, string.Join(' ', result.Broken.Where(broken => broken.Check == CheckKind.Promise).Select(broken => $"promise:{broken.History.Length}")));
    }

    /// <summary>Every topology of the domain, and the default one with scalable-mode units, where nothing is ever rewritten.</summary>
    [Theory]
    [InlineData("T1")]
    [InlineData("T2")]
    [InlineData("T3")]
    [InlineData("T4")]
    [InlineData("history-free-scalable")]
    public void HistoryFree_HoldsOnEveryTopology(string name)
    {
        Topology topology = name == Scalable ? WithScalableUnits(Topology.Known[0]) : Topology.Known.Single(known => known.Name == name);
        Assert.Empty(Run(topology, Profiles.Find("history-free")!, depth: 5).Broken);
    }

    /// <summary>Its alphabet has every move that another profile's has.</summary>
    [Fact]
    public void Alphabet_OfHistoryFree_IsNotSmallerThanAnyOther()
    {
        Topology topology = Topology.Known[0];
        Move[] own = [.. new Alphabet(topology, Profiles.Find("history-free")!).Moves];
        foreach (Profile profile in Profiles.All)
        {
            Move[] missing = [.. new Alphabet(topology, profile).Moves.Except(own)];
            Assert.True(missing.Length == 0, $"{profile.Name}: {string.Join(", ", missing.Select(topology.TextOf))}");
        }
    }

    [Fact]
    public void Names_OfTheUapi_AreThoseOfTheProfiles()
    {
        Assert.Equal(OpenOptions.Profiles, Profiles.All.Select(profile => profile.Name));
        Assert.Equal(OpenOptions.KvmSides, Profiles.KvmSides.Select(side => side.Name));
    }

    private static SearchResult Run(Topology topology, Profile profile, int depth) =>
        new Search(topology, profile, threads: 2, memory: 1L << 30).Run(depth, CancellationToken.None);

    private static Topology WithScalableUnits(Topology topology) => topology with
    {
        Units = [.. topology.Units.Select(unit => unit with { Capabilities = unit.Capabilities with { ScalableMode = true } })],
    };
}
