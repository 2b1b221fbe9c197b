// An fd, devices and a mapped window on a cluster, placed where a test wants them; the tests of DMA on clusters start from it.
using System.Diagnostics;
using IoasidGrains.Contracts;
using IoasidGrains.Flows;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.TestingHost;

namespace IoasidGrains.Tests;

/// <summary>One client with an open fd, IOASID 1, and a window of chunks of 512 pages of 4 KiB each.</summary>
internal sealed class DmaClusterBed
{
    public const int PagesPerChunk = 512;
    public const ulong ChunkSize = PagesPerChunk * Quantity.PageSize;

    /// <summary>Far above what is needed; only something that hangs reaches it.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    public static readonly IoasidNumber One = new(1);

    private readonly TestCluster _cluster;
    private readonly string _fd;
    private readonly int _chunks;
    private int _runs;

    private DmaClusterBed(TestCluster cluster, ClusterUapi uapi, ClusterClient client, string fd, int chunks)
    {
        (_cluster, Uapi, Client, _fd, _chunks) = (cluster, uapi, client, fd, chunks);
    }

    public ClusterUapi Uapi { get; }

    public ClusterClient Client { get; }

    public GuestMemoryId Memory => Fd.ProcessMemory;

    public FdId Fd => Client.Fd(_fd);

    /// <summary>Opens an fd. If a silo is named the fd lives there, and the client calls from within that silo: most of an ioctl's time is else the way there.</summary>
    public static async Task<DmaClusterBed> Create(TestCluster cluster, int chunks, SiloAddress? silo = null)
    {
        var uapi = new ClusterUapi(silo is null ? cluster.GrainFactory : ClientIn(cluster, silo), Deadline);
        for (int i = 0; ; i++)
        {
            var client = new ClusterClient(uapi, ClusterFixture.NewHost(), $"dma{i}");
            Assert.Equal("0", (await client.Open("fd1")).ToString());
            SiloAddress home = await SiloOf(cluster, cluster.GrainFactory.GetGrain<IIoasidFdGrain>(client.Fd("fd1").Key));
            if (silo is not null && !silo.Equals(home))
            {
                continue;
            }

            var bed = new DmaClusterBed(cluster, uapi, client, "fd1", chunks);
            Assert.Equal("0", (await client.DeclareUnit("vtd0", true)).ToString());
            Assert.Equal("1", (await client.Alloc("fd1")).ToString());
            for (int chunk = 0; chunk < chunks; chunk++)
            {
                Assert.Equal("0", (await client.Call(bed.Map(chunk))).ToString());
            }

            return bed;
        }
    }

    /// <summary>The log of the cluster; what is lost with its silo is lost for good.</summary>
    public static async Task<SiloAddress> SiloOfLog(TestCluster cluster)
    {
        await ClusterFixture.UapiOf(cluster).Inventory(ClusterFixture.NewHost());
        return await SiloOf(cluster, cluster.GrainFactory.GetGrain<ICommitLogGrain>(ICommitLogGrain.Key));
    }

    public Task<SiloAddress> SiloOfFd() => SiloOf(_cluster, _cluster.GrainFactory.GetGrain<IIoasidFdGrain>(Client.Fd(_fd).Key));

    public Task<SiloAddress> SiloOfDevice(DeviceId device) => SiloOf(_cluster, _cluster.GrainFactory.GetGrain<IDeviceGrain>(device.Key));

    /// <summary>Declares devices until one starts on such a silo, binds and attaches it.</summary>
    public async Task<DeviceId> AttachDevice(string prefix, Func<SiloAddress, bool> isWanted)
    {
        for (int i = 0; ; i++)
        {
            string name = $"{prefix}{i}";
            Assert.Equal("0", (await Client.DeclareDevice(name, "vtd0", name)).ToString());
            if (!isWanted(await SiloOfDevice(Client.Device(name))))
            {
                continue;
            }

            Assert.Equal("0", (await Client.Bind(name, _fd)).ToString());
            Assert.Equal("0", (await Client.Attach(name, 1)).ToString());
            return Client.Device(name);
        }
    }

    /// <summary>Reads and writes anywhere in the window.</summary>
    private DmaWorkload Workload(long accesses, ulong seed = 1) =>
        new(DmaPattern.UniformRandom, new IovaRange(0, (ChunkSize * (ulong)_chunks) - 1), accesses, seed) { WatchFreed = true };

    public async Task<DmaReport> Start(DeviceId device, long accesses, ulong seed = 1) =>
        ReportOf(await Client.Call(new StartDma(device, Workload(accesses, seed))));

    /// <summary>Looks until the run has come so far, or is over.</summary>
    public async Task<DmaReport> WatchUntil(DeviceId device, long number, Func<DmaReport, bool> isThere)
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            DmaReport report = ReportOf(await Client.Call(new WatchDma(device, number)));
            if (isThere(report) || report.IsOver)
            {
                return report;
            }

            Assert.True(Stopwatch.GetElapsedTime(began) < Deadline, $"still only {report.Text}");
        }
    }

    /// <summary>As the console does it: a session of its own.</summary>
    public async Task<DmaReport> RunToItsEnd(DeviceId device, long accesses, Action<DmaReport> progress) => ReportOf(await DmaRuns.Run(
        Uapi, new RequestIds($"run{Interlocked.Increment(ref _runs)}"), device, Workload(accesses), progress, Turn, CancellationToken.None));

    private IoasidMapDma Map(int chunk) =>
        new(Client.Fd(_fd), One, ChunkSize * (ulong)chunk, ChunkSize, new UserAddress(Memory, OffsetOf(chunk)), DmaAccess.ReadWrite);

    /// <summary>A page off, so that no 2 MiB page fits.</summary>
    private static ulong OffsetOf(int chunk) => (ChunkSize * (ulong)chunk) + Quantity.PageSize;

    public static DmaReport ReportOf(Reply reply)
    {
        Assert.True(reply.Succeeded, reply.ToString());
        return Assert.IsType<DmaReport>(reply.Outputs);
    }

    private static async ValueTask Turn() => await Task.Yield();

    private static IGrainFactory ClientIn(TestCluster cluster, SiloAddress silo) => cluster.Silos.OfType<InProcessSiloHandle>()
        .Single(handle => handle.SiloAddress.Equals(silo)).SiloHost.Services.GetRequiredService<IGrainFactory>();

    private static async Task<SiloAddress> SiloOf(TestCluster cluster, IAddressable grain)
    {
        SiloAddress? silo = await cluster.GrainFactory.GetGrain<IManagementGrain>(0).GetActivationAddress(grain);
        Assert.NotNull(silo);
        return silo;
    }
}
