// Runs a sweep over all seeds or all faults on all cores; used by SweepVerb.
using IoasidGrains.Core;

namespace IoasidGrains.Console;

/// <summary>What a sweep did.</summary>
/// <param name="Name">Which sweep.</param>
/// <param name="Text">The sum in words; the same in every run.</param>
/// <param name="Failure">The first failure in the order of seeds or calls; null if none.</param>
/// <param name="Replay">How to see it again.</param>
internal sealed record SweepSum(string Name, string Text, SweepFailure? Failure, Replay? Replay);

/// <summary>The sweeps of one script. A failure ends a sweep; which one is reported does not depend on the number of cores.</summary>
internal sealed class FlowSweeps(IScript script, Action<string> progress)
{
    private const int Portion = 2500;

    public SweepSum Interleavings(long seeds)
    {
        var sweep = new InterleavingSweep(script);
        var distinct = new HashSet<ulong>();
        long events = 0;
        for (long first = 1; first <= seeds; first += Portion)
        {
            ScheduleResult[] results = Spread((int)Math.Min(Portion, seeds - first + 1), index => sweep.Run((ulong)(first + index)));
            foreach ((int index, ScheduleResult result) in results.Index())
            {
                distinct.Add(result.TraceHash);
                events += result.Events;
                if (result.Failure is { } failure)
                {
                    var replay = new Replay((ulong)(first + index), null, 0);
                    return new SweepSum("interleavings", $"interleavings: {first + index} seeds, broken", failure, replay);
                }
            }

            progress($"interleavings: {Math.Min(first + Portion - 1, seeds)} of {seeds}, {distinct.Count} distinct");
        }

        return new SweepSum("interleavings", $"interleavings: {seeds} seeds, {distinct.Count} distinct schedules, {events} events, none broken", null, null);
    }

    public SweepSum Faults(params FaultKind[] kinds)
    {
        string name = string.Join(" and ", kinds.Select(kind => new Replay(0, kind, 1).ToString().Split('@')[0]));
        var sweep = new FaultSweep(script);
        if (sweep.RunWithoutFault() is { } without)
        {
            return new SweepSum(name, $"{name}: broken without any fault", without, new Replay(0, kinds[0], int.MaxValue));
        }

        foreach (FaultKind kind in kinds)
        {
            progress($"{name}: {sweep.Calls} calls");
            SweepFailure?[] failures = Spread(sweep.Calls, index => sweep.Run(index + 1, kind));
            int broken = Array.FindIndex(failures, failure => failure is not null);
            if (broken >= 0)
            {
                return new SweepSum(name, $"{name}: broken at call {broken + 1}", failures[broken], new Replay(0, kind, broken + 1));
            }
        }

        return new SweepSum(name, $"{name}: each of {sweep.Calls} calls, none broken", null, null);
    }

    private static T[] Spread<T>(int count, Func<int, T> run)
    {
        var results = new T[count];
        Parallel.For(0, count, index => results[index] = run(index));
        return results;
    }
}
