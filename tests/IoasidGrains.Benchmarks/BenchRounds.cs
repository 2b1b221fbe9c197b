// The ioctls that are measured, and rounds of them.
using System.Diagnostics;

namespace IoasidGrains.Benchmarks;

/// <summary>An ioctl and the one that undoes it, so that a round leaves everything as it was. What is done around a round is not measured.</summary>
internal sealed record BenchPair(
    string Name, string? UndoName, Func<BenchCaller, ValueTask<long>> Do, Func<BenchCaller, ValueTask<long>>? Undo,
    Func<BenchCaller, ValueTask<long>>? Before = null, Func<BenchCaller, ValueTask<long>>? After = null)
{
    /// <summary>MAP and UNMAP run with a device attached, as a VMM does it.</summary>
    public static readonly BenchPair[] All =
    [
        new("bare grain call", null, caller => caller.Bare(), null),
        new("attach", "detach", caller => caller.Attach(), caller => caller.Detach()),
        new("map", "unmap", caller => caller.Map(), caller => caller.Unmap(), caller => caller.Attach(), caller => caller.Detach()),
        new("KVM_UPDATE", null, caller => caller.Update(), null),
        new("unbind", "bind", caller => caller.Unbind(), caller => caller.Bind()),
    ];
}

/// <summary>Runs pairs.</summary>
internal static class BenchRounds
{
    /// <summary>Latencies of one kind of call, in microseconds, sorted; and calls per second of the pair that it belongs to.</summary>
    public sealed record Samples(string Name, double[] Microseconds, double PerSecond)
    {
        public double Percentile(double part) => Microseconds[Math.Min(Microseconds.Length - 1, (int)(Microseconds.Length * part))];
    }

    /// <summary>All callers at once, each doing <paramref name="times"/> rounds one after the other.</summary>
    public static async Task<Samples[]> Run(BenchPair pair, BenchCaller[] callers, int times)
    {
        var done = new long[callers.Length * times];
        var undone = new long[pair.Undo is null ? 0 : done.Length];
        await Task.WhenAll(callers.Select(caller => pair.Before?.Invoke(caller).AsTask() ?? Task.CompletedTask));
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(callers.Select((caller, index) => Task.Run(() => RunOne(pair, caller, index * times, times, done, undone))));
        double perSecond = (done.Length + undone.Length) / Stopwatch.GetElapsedTime(start).TotalSeconds;
        await Task.WhenAll(callers.Select(caller => pair.After?.Invoke(caller).AsTask() ?? Task.CompletedTask));
        Samples first = new(pair.Name, Sorted(done), perSecond);
        return pair.UndoName is null ? [first] : [first, new Samples(pair.UndoName, Sorted(undone), perSecond)];
    }

    /// <summary>How many bare calls an attach takes: the median over rounds that alternate, so that both see the same machine.</summary>
    public static async Task<double> AttachPerBare(BenchCaller caller, int rounds, int times)
    {
        var ratios = new double[rounds];
        for (int round = 0; round < rounds; round++)
        {
            double bare = (await Run(BenchPair.All[0], [caller], times))[0].Percentile(0.5);
            double attach = (await Run(BenchPair.All[1], [caller], times))[0].Percentile(0.5);
            ratios[round] = attach / bare;
        }

        Array.Sort(ratios);
        return ratios[rounds / 2];
    }

    private static async Task RunOne(BenchPair pair, BenchCaller caller, int first, int times, long[] done, long[] undone)
    {
        for (int i = first; i < first + times; i++)
        {
            done[i] = await pair.Do(caller);
            if (pair.Undo is not null)
            {
                undone[i] = await pair.Undo(caller);
            }
        }
    }

    private static double[] Sorted(long[] ticks)
    {
        double[] microseconds = [.. ticks.Select(tick => tick * 1e6 / Stopwatch.Frequency)];
        Array.Sort(microseconds);
        return microseconds;
    }
}
