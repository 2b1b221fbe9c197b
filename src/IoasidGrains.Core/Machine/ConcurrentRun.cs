// Runs the steps of a script as several clients on one Machine, and compares what happened with the same operations one at a time in commit order.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>One run of a script; used by the interleaving sweeps.</summary>
internal sealed class ConcurrentRun(IScript script, Machine machine)
{
    private sealed record Done(int Step, UapiCommand Command, long EffectAt, Reply Reply);

    private readonly IScriptRun _run = script.Start(guesses: true);
    private readonly List<Done> _done = [];
    private ObjectStatus[]? _status;

    /// <summary>Runs queues of steps, each as one client: its next step starts when its last was answered. Ends when nothing is pending.</summary>
    public void Run(params Queue<int>[] clients)
    {
        _status = null;
        (int Step, Operation Operation)?[] running = new (int, Operation)?[clients.Length];
        long seen = -1;
        do
        {
            long answered = machine.Answered;
            for (int client = 0; client < clients.Length && seen != answered; client++)
            {
                running[client] = Advance(clients[client], client, running[client]);
            }

            seen = answered;
        }
        while (machine.TakeOne() || seen != machine.Answered);

        Invariant.Check(running.All(entry => entry is null), "Some operation never ends: its answer is not pending.");
    }

    /// <summary>The first rule that is broken now that nothing is pending; null if all hold.</summary>
    public string? FirstBroken() => Invariants.FirstBroken(Status);

    /// <summary>The first answer or status line that differs when the same commands are run one at a time in the order of their effect; null if none does.</summary>
    public string? FirstDifference()
    {
        var serial = new Machine();
        foreach (Done operation in _done.OrderBy(operation => operation.EffectAt))
        {
            Operation again = serial.Start(operation.Command);
            serial.RunAll();
            if (!SameAnswer(again.Reply!, operation.Reply))
            {
                return $"'{script.Text(operation.Step)}' ({operation.Command.Request}) answered '{operation.Reply}' among others"
                    + $" and '{again.Reply}' one at a time in commit order.";
            }
        }

        return MachineStatus.FirstDifference(Status, MachineStatus.Held(serial)) is var (here, there)
            ? $"Afterwards there is '{here}' among others and '{there}' one at a time in commit order."
            : null;
    }

    private ObjectStatus[] Status => _status ??= MachineStatus.Held(machine);

    private static bool SameAnswer(Reply a, Reply b) =>
        a.Errno == b.Errno && a.Value == b.Value && (Equals(a.Outputs, b.Outputs) || a.Outputs?.Text == b.Outputs?.Text);

    private (int, Operation)? Advance(Queue<int> steps, int client, (int Step, Operation Operation)? running)
    {
        if (running is { } current)
        {
            if (current.Operation.Reply is not { } reply)
            {
                return running;
            }

            _done.Add(new Done(current.Step, current.Operation.Command, current.Operation.EffectAt, reply));
            _run.Finish(current.Step, reply);
        }

        while (steps.TryDequeue(out int step))
        {
            (UapiCommand? command, Reply? immediate) = _run.Plan(step, new RequestId($"c{client}", step + 1));
            if (command is not null)
            {
                return (step, machine.Start(command));
            }

            _run.Finish(step, immediate!);
        }

        return null;
    }
}
