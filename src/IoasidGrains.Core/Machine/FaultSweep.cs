// The second and third sweep: every call of a scenario fails once, before its effect and after it, and every reply is lost once.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// Runs a scenario in its own order with one fault. Before the commit of the operation that it hits, the answer must be EIO and nothing changed, and the
/// same step asked again must answer as without the fault; after it, the answer must be the same as without the fault. All other answers are the same.
/// </summary>
public sealed class FaultSweep(IScript script)
{
    private readonly List<Reply> _expected = [];

    /// <summary>Calls and appends of the run without a fault; faults beyond hit nothing.</summary>
    public int Calls { get; private set; }

    /// <summary>Runs the scenario once without a fault, to know what it answers.</summary>
    public SweepFailure? RunWithoutFault()
    {
        var machine = new Machine();
        IScriptRun run = script.Start(guesses: false);
        _expected.Clear();
        for (int step = 0; step < script.Count; step++)
        {
            _expected.Add(Ask(machine, run, step, retry: 0).Reply);
        }

        Calls = machine.Calls;
        string? broken = Invariants.FirstBroken(MachineStatus.Held(machine));
        return broken is null ? null : new SweepFailure(broken, "no fault", []);
    }

    /// <summary>Runs the scenario with one fault; null if all is as it must be.</summary>
    public SweepFailure? Run(int call, FaultKind kind, bool traced = false)
    {
        var fault = new Fault(call, kind);
        var machine = new Machine(fault: fault) { Trace = traced ? [] : null };
        string? broken;
        try
        {
            broken = RunSteps(machine, fault);
        }
        catch (InvariantException exception)
        {
            broken = exception.Message;
        }

        return broken is null ? null
            : traced ? new SweepFailure(broken, fault.ToString(), machine.Trace!)
            : Run(call, kind, traced: true);
    }

    private string? RunSteps(Machine machine, Fault fault)
    {
        IScriptRun run = script.Start(guesses: false);
        for (int step = 0; step < script.Count; step++)
        {
            bool reached = fault.Hit is not null;
            string[] before = reached ? [] : MachineStatus.Lines(machine);
            (Reply reply, Operation? operation) = Ask(machine, run, step, retry: 0);
            bool hitHere = !reached && fault.Hit is not null && fault.Hit == operation;
            if (hitHere && !fault.MustSucceed)
            {
                if (reply.Errno != Errno.EIO)
                {
                    return $"'{script.Text(step)}' answered '{reply}' where {fault} must answer -EIO.";
                }

                if (operation!.Command is not DeviceDma && !MachineStatus.Lines(machine).SequenceEqual(before))
                {
                    return $"'{script.Text(step)}' answered -EIO but changed something: {string.Join("; ", MachineStatus.Lines(machine).Except(before))}.";
                }

                (reply, _) = Ask(machine, run, step, retry: 1);
            }

            if (reply.ToString() != _expected[step].ToString())
            {
                return $"'{script.Text(step)}' answered '{reply}' with {fault} and '{_expected[step]}' without.";
            }
        }

        return Invariants.FirstBroken(MachineStatus.Held(machine));
    }

    private static (Reply Reply, Operation? Operation) Ask(Machine machine, IScriptRun run, int step, int retry)
    {
        (UapiCommand? command, Reply? immediate) = run.Plan(step, new RequestId(retry == 0 ? "c0" : "again", step + 1));
        if (command is null)
        {
            return (run.Finish(step, immediate!), null);
        }

        Operation operation = machine.Start(command);
        machine.RunAll();
        return (run.Finish(step, operation.Reply!), operation);
    }
}
