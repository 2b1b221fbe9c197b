// Bytes per idle object: many of one kind are started, and the managed heap is weighed before and after.
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>Weighs every kind on one silo. What Orleans keeps per activation (its record, the directory's entry) is part of it.</summary>
internal static class IdleObjects
{
    public const int PerKind = 20_000;

    private const int AtOnce = 256;

    public static async Task<IdleRow[]> Weigh(BenchSilos silos, Action<string> progress)
    {
        ClusterUapi uapi = silos.NewUapi();
        var rows = new List<IdleRow>();
        foreach (ObjectKind kind in Enum.GetValues<ObjectKind>())
        {
            progress($"{PerKind} idle objects of kind {kind}");
            string host = $"idle-{kind}";
            long before = Heap();
            await Start(i => uapi.Call(new DescribeObject(IdOf(kind, host, i)) { Request = new RequestId("idle", i) }));
            rows.Add(new IdleRow(kind.ToString(), (double)(Heap() - before) / PerKind));
        }

        progress($"{PerKind} open fds");
        var fds = new HostId("idle-open");
        long closed = Heap();
        await Start(i => uapi.Call(new OpenFd(new FdId(fds.Key($"fd{i}")), OpenOptions.Default) { Request = new RequestId($"open{i}", 1) }));
        rows.Add(new IdleRow("IoasidFd, open, with its log record", (double)(Heap() - closed) / PerKind));
        return [.. rows];
    }

    private static async Task Start(Func<int, ValueTask<Reply>> call)
    {
        for (int first = 0; first < PerKind; first += AtOnce)
        {
            await Task.WhenAll(Enumerable.Range(first, Math.Min(AtOnce, PerKind - first)).Select(i => call(i).AsTask()));
        }
    }

    private static ObjectId IdOf(ObjectKind kind, string host, int index) => kind switch
    {
        ObjectKind.Ioasid => new IoasidId(new FdId($"{host}/fd{index}"), new IoasidNumber(1)).Object,
        ObjectKind.PageTable => new PageTableId(new IoasidId(new FdId($"{host}/fd{index}"), new IoasidNumber(1)), 0).Object,
        ObjectKind.GuestMemory => new VmId($"{host}/vm{index}").Memory.Object,
        _ => new ObjectId(kind, $"{host}/o{index}"),
    };

    private static long Heap()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }
}
