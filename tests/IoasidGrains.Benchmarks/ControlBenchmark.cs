// The control plane: ioctls beside a bare grain call, in one process, in one run.
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>Measures calls on one silo and on three, counts messages, weighs idle objects. Progress goes to standard error.</summary>
internal static class ControlBenchmark
{
    private const int ManyCallers = 64;
    private const int WarmRounds = 10_000;
    private const int RoundsAlone = 3_000;
    private const int RoundsOfMany = 150;
    private const int RatioRounds = 15;
    private const int CountedRounds = 100;

    public static async Task<ControlFigures> Run()
    {
        var rows = new List<CallRow>();
        double ratio;
        await using (BenchSilos one = await BenchSilos.StartAsync(1))
        {
            BenchCaller[] callers = await Callers(one);
            rows.AddRange(await Measure(1, callers));
            Tell("attach beside bare calls");
            ratio = await BenchRounds.AttachPerBare(callers[0], RatioRounds, RoundsAlone / RatioRounds);
        }

        await using (BenchSilos three = await BenchSilos.StartAsync(3))
        {
            rows.AddRange(await Measure(3, await Callers(three)));
        }

        MessageRow[] messages = await CountMessages();
        return new ControlFigures([.. rows], ratio, messages, await IdleObjects.Weigh(Tell));
    }

    private static async Task<BenchCaller[]> Callers(BenchSilos silos)
    {
        BenchCaller[] callers = [.. Enumerable.Range(0, ManyCallers).Select(i => new BenchCaller(silos, new HostId("bench"), i))];
        foreach (BenchCaller caller in callers)
        {
            await caller.Prepare();
        }

        return callers;
    }

    private static async Task<List<CallRow>> Measure(int silos, BenchCaller[] callers)
    {
        var rows = new List<CallRow>();
        foreach (BenchPair pair in BenchPair.All)
        {
            Tell($"{pair.Name} on {silos} silo(s)");
            await BenchRounds.Run(pair, [callers[0]], WarmRounds);
            rows.AddRange(Rows(silos, 1, await BenchRounds.Run(pair, [callers[0]], RoundsAlone)));
            rows.AddRange(Rows(silos, callers.Length, await BenchRounds.Run(pair, callers, RoundsOfMany)));
        }

        return rows;
    }

    private static IEnumerable<CallRow> Rows(int silos, int callers, BenchRounds.Samples[] samples) => samples.Select(sample =>
        new CallRow(silos, callers, sample.Name, sample.PerSecond, sample.Percentile(0.5), sample.Percentile(0.99)));

    private static async Task<MessageRow[]> CountMessages()
    {
        Tell("counting messages");
        await using BenchSilos silos = await BenchSilos.StartAsync(1, countMessages: true);
        var caller = new BenchCaller(silos, new HostId("bench"), 0);
        await caller.Prepare();
        var rows = new List<MessageRow>();
        foreach (BenchPair pair in BenchPair.All)
        {
            await (pair.Before?.Invoke(caller) ?? default);
            rows.AddRange(await CountPair(pair, caller));
            await (pair.After?.Invoke(caller) ?? default);
        }

        return [.. rows.Skip(1)];
    }

    private static async Task<List<MessageRow>> CountPair(BenchPair pair, BenchCaller caller)
    {
        int[] objects = new int[2];
        int[] store = new int[2];
        for (int round = 0; round < CountedRounds; round++)
        {
            MessageCount.Take();
            await pair.Do(caller);
            Count(0);
            await (pair.Undo?.Invoke(caller) ?? default);
            Count(1);
        }

        void Count(int which)
        {
            (int toObjects, int toStore) = MessageCount.Take();
            objects[which] += toObjects;
            store[which] += toStore;
        }

        List<MessageRow> rows = [new(pair.Name, (double)objects[0] / CountedRounds, (double)store[0] / CountedRounds)];
        if (pair.UndoName is not null)
        {
            rows.Add(new(pair.UndoName, (double)objects[1] / CountedRounds, (double)store[1] / CountedRounds));
        }

        return rows;
    }

    private static void Tell(string what) => Console.Error.WriteLine(what);
}
