// The first sweep: a scenario's ioctls dealt to several clients in a random order of messages must answer as the same operations one at a time in commit order.
using IoasidGrains.Uapi;

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
    private sealed record Done(int Step, UapiCommand Command, long EffectAt, Reply Reply);

    /// <summary>Runs the schedule of one seed. It is a pure function of the seed.</summary>
    public ScheduleResult Run(ulong seed, bool traced = false)
    {
        var random = new SplitMix(seed);
        int clients = 2 + random.Below(3);
        var machine = new Machine(Schedule.Seeded(random.Next())) { Trace = traced ? [] : null };
        string? broken;
        try
        {
            broken = Compare(machine, Deal(machine, random, clients));
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

    private List<Done> Deal(Machine machine, SplitMix random, int clients)
    {
        IScriptRun run = script.Start(guesses: true);
        List<Done> done = [];
        for (int step = 0; step < script.Count;)
        {
            int end = step;
            while (end < script.Count && script.IsIoctl(end))
            {
                end++;
            }

            if (end == step)
            {
                done.AddRange(RunQueues(machine, run, [new Queue<int>([step])]));
                step++;
                continue;
            }

            Queue<int>[] queues = [.. Enumerable.Range(0, clients).Select(_ => new Queue<int>())];
            for (; step < end; step++)
            {
                queues[random.Below(clients)].Enqueue(step);
            }

            done.AddRange(RunQueues(machine, run, queues));
            Require(machine);
        }

        return done;
    }

    /// <summary>Each queue is one client: its next step starts when its last was answered.</summary>
    private static List<Done> RunQueues(Machine machine, IScriptRun run, Queue<int>[] queues)
    {
        List<Done> done = [];
        (int Step, Operation Operation)?[] running = new (int, Operation)?[queues.Length];
        do
        {
            for (int client = 0; client < queues.Length; client++)
            {
                running[client] = Advance(machine, run, queues[client], client, running[client], done);
            }
        }
        while (machine.TakeOne());

        Invariant.Check(running.All(entry => entry is null), "Some operation never ends: its answer is not pending.");
        return done;
    }

    private static (int, Operation)? Advance(
        Machine machine, IScriptRun run, Queue<int> queue, int client, (int Step, Operation Operation)? running, List<Done> done)
    {
        if (running is { } current)
        {
            if (current.Operation.Reply is not { } reply)
            {
                return running;
            }

            done.Add(new Done(current.Step, current.Operation.Command, current.Operation.EffectAt, reply));
            run.Finish(current.Step, reply);
        }

        while (queue.TryDequeue(out int step))
        {
            (UapiCommand? command, Reply? immediate) = run.Plan(step, new RequestId($"c{client}", step + 1));
            if (command is not null)
            {
                return (step, machine.Start(command));
            }

            run.Finish(step, immediate!);
        }

        return null;
    }

    /// <summary>The same commands one at a time, in the order in which they took effect.</summary>
    private string? Compare(Machine machine, List<Done> done)
    {
        var serial = new Machine();
        foreach (Done operation in InEffectOrder(done))
        {
            Operation again = serial.Start(operation.Command);
            serial.RunAll();
            if (again.Reply!.ToString() != operation.Reply.ToString())
            {
                return $"'{script.Text(operation.Step)}' ({operation.Command.Request}) answered '{operation.Reply}' among others"
                    + $" and '{again.Reply}' one at a time in commit order.";
            }
        }

        return FirstDifference(MachineStatus.HeldLines(machine), MachineStatus.HeldLines(serial));
    }

    /// <summary>Steps that are done alone stay where they are; between them the ioctls stand in the order of their effect.</summary>
    private static IEnumerable<Done> InEffectOrder(List<Done> done) => done.OrderBy(operation => operation.EffectAt);

    private static string? FirstDifference(string[] concurrent, string[] serial)
    {
        string? here = concurrent.Except(serial).FirstOrDefault();
        string? there = serial.Except(concurrent).FirstOrDefault();
        return here is null && there is null ? null
            : $"Afterwards there is '{here ?? "nothing"}' among others and '{there ?? "nothing"}' one at a time in commit order.";
    }

    private static void Require(Machine machine)
    {
        string? broken = Invariants.FirstBroken(MachineStatus.Of(machine));
        Invariant.Check(broken is null, broken ?? "");
    }
}
