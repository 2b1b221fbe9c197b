// What a cluster promises to one client: retries, claims, call order, state that stays.
using IoasidGrains.Contracts;
using IoasidGrains.Core;
using IoasidGrains.Flows;
using IoasidGrains.Grains;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.TestingHost;

namespace IoasidGrains.Tests;

[Collection(ClusterFixture.Collection)]
public sealed class ClusterUapiTests(ClusterFixture clusters)
{
    private TestCluster Cluster => clusters.ThreeSilos;

    private ClusterClient NewClient() => new(ClusterFixture.UapiOf(Cluster), ClusterFixture.NewHost(), "c1");

    [Fact]
    public async Task Retry_OfADoneRequest_AnswersFromTheLogAndDoesNothing()
    {
        ClusterUapi uapi = ClusterFixture.UapiOf(Cluster);
        var client = new ClusterClient(uapi, ClusterFixture.NewHost(), "c1");
        await client.AttachOne("vtd0", "dev1", "fd1");
        var map = new IoasidMapDma(
            client.Fd("fd1"), new IoasidNumber(1), 0x1000, 0x1000, new UserAddress(client.Fd("fd1").ProcessMemory, 0), DmaAccess.ReadWrite)
        {
            Request = new RequestId("retry", 1),
        };
        Assert.Equal("0", (await uapi.Call(map)).ToString());
        Assert.Equal("0", (await uapi.Call(map)).ToString());
        Assert.Equal("-EEXIST", (await client.Call(map)).ToString());

        var alloc = new IoasidAlloc(client.Fd("fd1"), SnoopFormat.Snoop, 48) { Request = new RequestId("retry", 2) };
        Assert.Equal("2", (await uapi.Call(alloc)).ToString());
        Assert.Equal("2", (await uapi.Call(alloc)).ToString());
        Assert.Equal("3", (await client.Alloc("fd1")).ToString());
    }

    [Fact]
    public async Task Declare_Twice_AnswersEexistUnlessItIsTheSameRequest()
    {
        ClusterUapi uapi = ClusterFixture.UapiOf(Cluster);
        HostId host = ClusterFixture.NewHost();
        var declare = new DeclareUnit(new UnitId(host.Key("vtd0")), new IommuCapabilities(true, 48, IommuCapabilities.AllPageSizes, false, []))
        {
            Request = new RequestId("c1", 1),
        };
        Assert.Equal("0", (await uapi.Call(declare)).ToString());
        Assert.Equal("0", (await uapi.Call(declare)).ToString());
        Assert.Equal("-EEXIST", (await uapi.Call(declare with { Request = new RequestId("c1", 2) })).ToString());
    }

    [Fact]
    public async Task Bind_OfOneDeviceFromManyFdsAtOnce_SucceedsOnce()
    {
        HostId host = ClusterFixture.NewHost();
        ClusterUapi uapi = ClusterFixture.UapiOf(Cluster);
        ClusterClient[] clients = [.. Enumerable.Range(0, 8).Select(i => new ClusterClient(uapi, host, $"c{i}"))];
        await clients[0].DeclareUnit("vtd0", true);
        await clients[0].DeclareDevice("dev1", "vtd0", "g1");
        await clients[0].DeclareDevice("dev2", "vtd0", "g1");
        await Task.WhenAll(clients.Select((client, i) => client.Open($"fd{i}").AsTask()));

        Reply[] replies = await Task.WhenAll(clients.Select((client, i) => client.Bind(i % 2 == 0 ? "dev1" : "dev2", $"fd{i}").AsTask()));

        Assert.Single(replies, reply => reply.Succeeded);
        Assert.Equal(clients.Length - 1, replies.Count(reply => reply.Errno == Errno.EBUSY));
    }

    [Fact]
    public async Task HeldDevice_ThatChangedHands_IsFoundAtItsNewFd()
    {
        HostId host = ClusterFixture.NewHost();
        var first = new ClusterClient(ClusterFixture.UapiOf(Cluster), host, "c1");
        var second = new ClusterClient(ClusterFixture.UapiOf(Cluster), host, "c2");
        await first.AttachOne("vtd0", "dev1", "fd1");
        Assert.Equal("0", (await first.Unbind("dev1")).ToString());
        Assert.Equal("-EINVAL", (await first.Attach("dev1", 1)).ToString());
        await second.Open("fd2");
        Assert.Equal("0", (await second.Bind("dev1", "fd2")).ToString());
        Assert.Equal("1", (await second.Alloc("fd2")).ToString());
        Assert.Equal("0", (await first.Attach("dev1", 1)).ToString());

        // The second client still believes in fd2 when the first has moved the device back.
        Assert.Equal("0", (await first.Unbind("dev1")).ToString());
        Assert.Equal("0", (await first.Bind("dev1", "fd1")).ToString());
        Assert.Equal("0", (await second.Attach("dev1", 1)).ToString());
    }

    [Theory]
    [InlineData(ObjectKind.IoasidFd, "x/fd1", ObjectKind.Device, "x/dev1", true)]
    [InlineData(ObjectKind.Device, "x/dev1", ObjectKind.PageTable, "x/fd1/1/p0", true)]
    [InlineData(ObjectKind.Device, "x/dev1", ObjectKind.IoasidFd, "x/fd1", false)]
    [InlineData(ObjectKind.PageTable, "x/fd1/1/p0", ObjectKind.PageTable, "x/fd1/1/p1", false)]
    public async Task Call_ThatGoesUp_IsRefusedByTheRunner(ObjectKind from, string fromKey, ObjectKind to, string toKey, bool allowed)
    {
        var target = new ObjectId(to, toKey);
        var caller = new Caller(new ObjectId(from, fromKey), target);
        var ports = ((InProcessSiloHandle)Cluster.Primary!).SiloHost.Services.GetRequiredService<GrainPorts>();
        var runner = new ObjectRunner(caller, 1, ports);
        var command = new DescribeObject(caller.Id);
        if (allowed)
        {
            Assert.Equal(target, Assert.IsType<ObjectStatus>((await runner.Run(command)).Outputs).Id);
        }
        else
        {
            await Assert.ThrowsAsync<InvariantException>(async () => await runner.Run(command));
        }
    }

    [Fact]
    public async Task Cell_LivesOnOneSilo()
    {
        ClusterClient client = NewClient();
        for (int i = 0; i < 12; i++)
        {
            await client.AttachOne($"vtd{i}", $"dev{i}", $"fd{i}");
        }

        IManagementGrain management = Cluster.GrainFactory.GetGrain<IManagementGrain>(0);
        var silos = new HashSet<SiloAddress>();
        for (int i = 0; i < 12; i++)
        {
            string fd = client.Fd($"fd{i}").Key;
            SiloAddress? home = await management.GetActivationAddress((IAddressable)Cluster.GrainFactory.GetGrain<IIoasidFdGrain>(fd));
            Assert.NotNull(home);
            Assert.Equal(home, await management.GetActivationAddress((IAddressable)Cluster.GrainFactory.GetGrain<IIoasidGrain>($"{fd}/1")));
            Assert.Equal(home, await management.GetActivationAddress((IAddressable)Cluster.GrainFactory.GetGrain<IPageTableGrain>($"{fd}/1/p0")));
            silos.Add(home);
        }

        Assert.True(silos.Count > 1, "All cells went to one silo.");
    }

    [Fact]
    public async Task Collection_OfIdleGrains_KeepsThoseThatHoldState()
    {
        ClusterClient client = NewClient();
        await client.AttachOne("vtd0", "dev1", "fd1");
        await client.DeclareDevice("dev2", "vtd0", "dev2");
        IManagementGrain management = Cluster.GrainFactory.GetGrain<IManagementGrain>(0);
        string fd = client.Fd("fd1").Key;
        GrainId[] holding =
        [
            Cluster.GrainFactory.GetGrain<IIoasidFdGrain>(fd).GetGrainId(),
            Cluster.GrainFactory.GetGrain<IIoasidGrain>(fd + "/1").GetGrainId(),
            Cluster.GrainFactory.GetGrain<IPageTableGrain>(fd + "/1/p0").GetGrainId(),
            Cluster.GrainFactory.GetGrain<IDeviceGrain>(client.Device("dev1").Key).GetGrainId(),
            Cluster.GrainFactory.GetGrain<ICommitLogGrain>(ICommitLogGrain.Key).GetGrainId(),
        ];
        GrainId free = Cluster.GrainFactory.GetGrain<IDeviceGrain>(client.Device("dev2").Key).GetGrainId();
        Assert.Contains(free, await Active(management));

        await management.ForceActivationCollection(TimeSpan.Zero);

        HashSet<GrainId> active = await Active(management);
        Assert.DoesNotContain(free, active);
        Assert.All(holding, grain => Assert.Contains(grain, active));

        // Undeclared it would be ENODEV: what the store knows of it came back.
        Assert.Equal("-EINVAL", (await client.Attach("dev2", 1)).ToString());
        Assert.Equal("0", (await client.Bind("dev2", "fd1")).ToString());
    }

    [Fact]
    public async Task LostAnswers_BetweenGrains_ChangeNoResult()
    {
        ClusterUapi uapi = ClusterFixture.UapiOf(Cluster);
        var client = new ClusterClient(uapi, ClusterFixture.NewHost(), "c1");
        await client.AttachOne("vtd0", "dev1", "fd1");
        LossyCalls.LoseEvery(2);
        try
        {
            for (ulong page = 1; page <= 10; page++)
            {
                Assert.Equal("0", (await client.Map("fd1", 1, page * Quantity.PageSize)).ToString());
            }

            Assert.Equal("size=0x1000", (await client.Unmap("fd1", 1, 3 * Quantity.PageSize)).Outputs!.Text);
            Assert.Equal("0", (await client.Detach("dev1", 1)).ToString());
            Assert.Equal("0", (await client.Attach("dev1", 1)).ToString());
            Assert.True(LossyCalls.Lost > 10);
        }
        finally
        {
            LossyCalls.LoseEvery(0);
        }

        IReadOnlyList<ObjectStatus> all = await new StatusReader(uapi, "status").Read(client.Host);
        Assert.Null(Invariants.FirstBroken(all));
        Assert.Contains("mappings=9", all.Single(status => status.Id.Kind == ObjectKind.PageTable).Detail);
    }

    [Fact]
    public async Task Forget_DropsAHostAndNoOther()
    {
        ClusterUapi uapi = ClusterFixture.UapiOf(Cluster);
        ClusterClient gone = NewClient();
        ClusterClient stays = NewClient();
        await gone.DeclareUnit("vtd0", true);
        await stays.DeclareUnit("vtd0", true);

        await uapi.Forget(gone.Host);

        Assert.Empty(await uapi.Inventory(gone.Host));
        Assert.Equal([stays.Unit("vtd0").Object], await uapi.Inventory(stays.Host));
    }

    private static async Task<HashSet<GrainId>> Active(IManagementGrain management) =>
        [.. (await management.GetDetailedGrainStatistics()).Select(grain => grain.GrainId)];

    /// <summary>An object that calls another and answers what that answers.</summary>
    private sealed class Caller(ObjectId id, ObjectId to) : KernelObject(id)
    {
        public override object State { get; set; } = "";

        public override bool HoldsState => false;

        public override Step Handle(Command command) => new Call(to, new DescribeObject(to), reply => new Answer(reply));
    }
}
