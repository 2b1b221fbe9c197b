// Bytes per idle object: many of one kind are started, and the managed heap is weighed before and after.
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>
/// Weighs each kind in a silo of its own. What Orleans keeps per activation (its record, the directory's entry) is part of it; what the
/// caller keeps is not.
/// </summary>
internal static class IdleObjects
{
    public const int PerKind = 20_000;

    private const int AtOnce = 256;
    private const int CalmReadings = 4;
    private const int CalmBytes = 200_000;

    // Orleans has no event for "the stopped silo has let go": the heap is read until several readings in a row agree.
    private static readonly TimeSpan BetweenReadings = TimeSpan.FromMilliseconds(300);

    public static async Task<IdleRow[]> Weigh(Action<string> progress)
    {
        var rows = new List<IdleRow>();
        foreach (ObjectKind kind in Enum.GetValues<ObjectKind>())
        {
            progress($"{PerKind} idle objects of kind {kind}");
            rows.Add(new IdleRow(kind.ToString(), await WeighOne(i => new DescribeObject(IdOf(kind, "idle", i)))));
        }

        progress($"{PerKind} open fds");
        rows.Add(new IdleRow("IoasidFd, open, with its log record", await WeighOne(i => new OpenFd(new FdId($"idle/fd{i}"), OpenOptions.Default))));
        return [.. rows];
    }

    private static async Task<double> WeighOne(Func<int, UapiCommand> command)
    {
        await using BenchSilos silos = await BenchSilos.StartAsync(1);
        await Start(silos, command, first: 0, count: AtOnce);
        long before = await Heap();
        await Start(silos, command, first: AtOnce, count: PerKind);
        return (double)(await Heap() - before) / PerKind;
    }

    private static async Task Start(BenchSilos silos, Func<int, UapiCommand> command, int first, int count)
    {
        ClusterUapi uapi = silos.NewUapi();
        foreach (int[] some in Enumerable.Range(first, count).Chunk(AtOnce))
        {
            await Task.WhenAll(some.Select(i => uapi.Call(command(i) with { Request = new RequestId("idle", i) }).AsTask()));
        }
    }

    private static ObjectId IdOf(ObjectKind kind, string host, int index) => kind switch
    {
        ObjectKind.Ioasid => new IoasidId(new FdId($"{host}/fd{index}"), new IoasidNumber(1)).Object,
        ObjectKind.PageTable => new PageTableId(new IoasidId(new FdId($"{host}/fd{index}"), new IoasidNumber(1)), 0).Object,
        ObjectKind.GuestMemory => new VmId($"{host}/vm{index}").Memory.Object,
        _ => new ObjectId(kind, $"{host}/o{index}"),
    };

    /// <summary>Live managed bytes, once they change no more: a silo that was stopped before is let go only after its last timers.</summary>
    private static async Task<long> Heap()
    {
        long last = long.MaxValue;
        for (int calm = 0; calm < CalmReadings;)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
            long now = GC.GetTotalMemory(forceFullCollection: true);
            calm = Math.Abs(now - last) < CalmBytes ? calm + 1 : 0;
            last = now;
            await Task.Delay(BetweenReadings);
        }

        return last;
    }
}
