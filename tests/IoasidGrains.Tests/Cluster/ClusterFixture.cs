// One silo and three silos in this process, shared by the tests of the collection.
using IoasidGrains.Contracts;
using IoasidGrains.Grains;
using Orleans.Hosting;
using Orleans.TestingHost;

namespace IoasidGrains.Tests;

/// <summary>The two clusters. Tests keep apart by host names.</summary>
public sealed class ClusterFixture : IAsyncLifetime
{
    public const string Collection = "clusters";

    private static int _hosts;

    public TestCluster OneSilo { get; } = Build(1);

    public TestCluster ThreeSilos { get; } = Build(3);

    /// <summary>A host that no other test uses.</summary>
    public static HostId NewHost() => new($"host{Interlocked.Increment(ref _hosts)}");

    public static ClusterUapi UapiOf(TestCluster cluster) => new(cluster.GrainFactory);

    public async Task InitializeAsync()
    {
        await OneSilo.DeployAsync();
        await ThreeSilos.DeployAsync();
    }

    public async Task DisposeAsync()
    {
        await OneSilo.DisposeAsync();
        await ThreeSilos.DisposeAsync();
    }

    private static TestCluster Build(short silos)
    {
        var builder = new TestClusterBuilder(silos);
        builder.AddSiloBuilderConfigurator<TestSilo>();
        return builder.Build();
    }

    private sealed class TestSilo : ISiloConfigurator
    {
        public void Configure(ISiloBuilder silo) => silo.AddIoasidGrains().AddOutgoingGrainCallFilter<LossyCalls>();
    }
}

[CollectionDefinition(ClusterFixture.Collection)]
public sealed class ClusterCollection : ICollectionFixture<ClusterFixture>;
