// The first sweep: a scenario's ioctls dealt to several clients in a random order of messages must answer as the same operations one at a time in commit order.
namespace IoasidGrains.Core;

/// <summary>What one schedule did.</summary>
/// <param name="TraceHash">Equal for equal schedules.</param>
public sealed record ScheduleResult(ulong TraceHash, long Events, SweepFailure? Failure);

/// <summary>
/// Deals each run of consecutive ioctls to 2 to 4 clients, each of which keeps its order and waits for its answers. Every message is a scheduling point.
/// When nothing is pending the invariants must hold, and the answers and the status of every object must equal those of the same commands
/// run one at a time in the order in which they took effect.
/// </summary>
public sealed class InterleavingSweep(IScript script)
{
    /// <summary>Runs the schedule of one seed. It is a pure function of the seed.</summary>
    public ScheduleResult Run(ulong seed, bool traced = false)
    {
        var random = new SplitMix(seed);
        int clients = 2 + random.Below(3);
        var machine = new Machine(Schedule.Seeded(random.Next())) { Trace = traced ? [] : null };
        string? broken;
        try
        {
            broken = Deal(new ConcurrentRun(script, machine), random, clients);
        }
        catch (InvariantException exception)
        {
            broken = exception.Message;
        }

        SweepFailure? failure = broken is null ? null : Failure(seed, broken, machine);
        return new ScheduleResult(machine.TraceHash, machine.Events, failure);
    }

    private SweepFailure Failure(ulong seed, string broken, Machine machine) => machine.Trace is { } trace
        ? new SweepFailure(broken, $"seed {seed}", trace)
        : Run(seed, traced: true).Failure ?? new SweepFailure(broken, $"seed {seed} (and not when run again: the Machine is not deterministic)", []);

    private string? Deal(ConcurrentRun run, SplitMix random, int clients)
    {
        for (int step = 0; step < script.Count;)
        {
            if (!script.IsDealt(step))
            {
                run.Run(new Queue<int>([step++]));
                continue;
            }

            Queue<int>[] queues = [.. Enumerable.Range(0, clients).Select(_ => new Queue<int>())];
            for (; step < script.Count && script.IsDealt(step); step++)
            {
                queues[random.Below(clients)].Enqueue(step);
            }

            run.Run(queues);
            if (run.FirstBroken() is { } broken)
            {
                return broken;
            }
        }

        return run.FirstDifference();
    }
}
