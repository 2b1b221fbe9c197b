// Plays one safety history on a Machine: devices read and write while pages are taken from under them. MachineSafetyTests runs thousands.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

/// <summary>
/// What must hold: no access reaches a page that was freed after its UNMAP was answered; no run outlives the answer to a DETACH or a stop; every completed write
/// is in a dirty bitmap; every command is answered, and what is left agrees.
/// </summary>
internal sealed class SafetyRun
{
    /// <summary>Nothing has happened for so many turns of all clients, though nobody is done.</summary>
    private const int Stuck = 3000;

    /// <summary>Events; enough for everything else to come to a halt, so that time passes.</summary>
    private const int SilentFor = 600;

    private readonly SafetyPlan _plan;
    private readonly MachineBed _bed;
    private readonly DirtyModel _model;
    private readonly HashSet<DmaRun> _cutOff = [];
    private long _tick, _sequence;
    private string? _broken;

    private SafetyRun(SafetyPlan plan, bool traced)
    {
        _plan = plan;
        Fault? fault = plan.Fault is var (call, kind) ? new Fault(call, kind) : null;
        Machine = new Machine(Schedule.Seeded(plan.Schedule), fault, apart: plan.Apart) { Trace = traced ? [] : null };
        _bed = new MachineBed(Machine);
        _model = new DirtyModel(Machine.Runs, plan.Layout);
    }

    public Machine Machine { get; }

    /// <summary>Null, or what was broken.</summary>
    public static string? Play(SafetyPlan plan, List<string>? trace = null)
    {
        var run = new SafetyRun(plan, traced: trace is not null);
        string? broken;
        try
        {
            run.SetUp();
            broken = run.PlayAll() ?? run.FirstBroken();
        }
        catch (Exception exception) when (exception is InvariantException or InvalidOperationException)
        {
            broken = exception.Message;
        }

        trace?.AddRange(run.Machine.Trace!);
        foreach (KernelObject item in run.Machine.Objects.ToArray())
        {
            run.Machine.TryLose(item.Id);
        }

        return broken;
    }

    private void SetUp()
    {
        for (int chunk = 0; chunk < _plan.Layout.Chunks; chunk++)
        {
            _bed.Expect("0", Map(chunk));
        }

        _bed.Expect("0", MachineBed.Attach(MachineBed.A));
        _bed.Expect("0", MachineBed.Attach(MachineBed.B));
        _bed.Expect("0", new SetDirtyTracking(MachineBed.Fd, MachineBed.One, true));
    }

    private string? PlayAll()
    {
        IEnumerator<Func<bool>>[] clients = [.. _plan.Actions.GroupBy(action => action.Client).Select(own => own.SelectMany(Do).GetEnumerator())];
        bool[] done = new bool[clients.Length];
        bool[] began = new bool[clients.Length];
        for (int still = 0; still < Stuck && _broken is null; _tick++)
        {
            for (int i = 0; i < clients.Length; i++)
            {
                while (!done[i] && _broken is null && (!began[i] || clients[i].Current()))
                {
                    (began[i], done[i]) = (true, !clients[i].MoveNext());
                }
            }

            bool moved = Machine.TakeOne();
            still = moved ? 0 : still + 1;
            if (!moved && Array.TrueForAll(done, client => client))
            {
                return _broken;
            }
        }

        return _broken ?? "some client is never answered";
    }

    private string? FirstBroken()
    {
        if (Machine.Runs.Select(run => run.Report()).FirstOrDefault(report => report.Freed != 0) is { } report)
        {
            return $"a device reached a freed page at 0x{report.FirstFreed:x}: {report.Text}";
        }

        // What was lost last is driven again before records are compared.
        UapiCommand[] last =
        [
            new DeviceDma(MachineBed.A, _plan.Layout.StartOf(1), 1, DmaAccess.Read, false, null),
            new DeviceDma(MachineBed.B, _plan.Layout.StartOf(1), 1, DmaAccess.Read, false, null), Map(_plan.Layout.Chunks),
        ];
        Reply[] replies = [.. last.Select(command => _bed.Call(command) is { Errno: not Errno.EIO } reply ? reply : _bed.Call(command))];
        return replies.FirstOrDefault(reply => !reply.Succeeded) is { } refused
            ? $"afterwards something answers {refused}"
            : Invariants.FirstBroken(MachineStatus.Held(Machine));
    }

    /// <summary>Each item is what the client waits for next.</summary>
    private IEnumerable<Func<bool>> Do(SafetyAction action) => action.Kind switch
    {
        SafetyKind.Recycle => Recycle((action.What * 4) + (action.Client * 2), action.Pause),
        SafetyKind.Run or SafetyKind.RunAndStop => Run(action),
        SafetyKind.Reattach => Reattach(action.Pause),
        SafetyKind.Track => Track(action.Pause),
        SafetyKind.ReadDirty or SafetyKind.LookAtDirty => ReadDirty((action.What * 2) + 1, action.Pause, action.Kind == SafetyKind.ReadDirty),
        _ => Lose(action),
    };

    private IEnumerable<Func<bool>> Recycle(int chunk, int pause)
    {
        SafetyLayout layout = _plan.Layout;
        var free = new FreePages(MachineBed.Memory, layout.StartOf(chunk), layout.ChunkSize, true);
        IEnumerable<Func<bool>>[] parts =
        [
            Ask(MachineBed.Unmap(layout.StartOf(chunk), layout.ChunkSize), $"0 size=0x{layout.ChunkSize:x}"), Ask(free, "0"), Pause(pause),
            Ask(free with { Free = false }, "0"), Ask(Map(chunk), "0"),
        ];
        return parts.SelectMany(part => part);
    }

    private IEnumerable<Func<bool>> Run(SafetyAction action)
    {
        DeviceId device = action.Client == 2 ? MachineBed.A : MachineBed.B;
        long accesses = action.What * DmaSource.MaxBurst;
        ulong seed = _plan.Seed + (ulong)++_sequence;
        DmaReport? started = null;
        var start = new StartDma(device, MachineBed.Uniform(_plan.Layout.Start, _plan.Layout.Length, accesses, seed));
        foreach (Func<bool> wait in Ask(start, reply => (started = reply.Outputs as DmaReport) is null ? $"StartDma answered {reply}" : null))
        {
            yield return wait;
        }

        DmaRun? run = Machine.Runs.LastOrDefault(other => other.Device == device && other.Number == started?.Number);
        if (run is null)
        {
            yield break;
        }

        long until = _tick + (action.Kind == SafetyKind.RunAndStop ? action.Pause : long.MaxValue / 2);
        yield return () => run.IsOver || _tick >= until;
        if (!run.IsOver)
        {
            foreach (Func<bool> wait in Ask(new StopDma(device, run.Number), reply => reply.Succeeded && !run.IsStill ? "a run goes on after it was stopped" : null))
            {
                yield return wait;
            }
        }
    }

    private IEnumerable<Func<bool>> Reattach(int pause)
    {
        string? StillRuns(Reply reply) => reply != Reply.Ok ? $"DETACH answered {reply}"
            : Machine.Runs.Any(run => run.Device == MachineBed.B && !run.IsStill && !_cutOff.Contains(run)) ? "a run outlives the answer to DETACH" : null;

        IEnumerable<Func<bool>>[] parts = [Ask(MachineBed.Detach(MachineBed.B), StillRuns), Pause(pause), Ask(MachineBed.Attach(MachineBed.B), "0")];
        return parts.SelectMany(part => part);
    }

    private IEnumerable<Func<bool>> Track(int pause)
    {
        var track = new SetDirtyTracking(MachineBed.Fd, MachineBed.One, true);
        IEnumerable<Func<bool>> off = pause % 2 == 0 ? [] : Ask(track with { Enable = false }, "0");
        IEnumerable<Func<bool>> on = Ask(track, reply =>
        {
            _model.Forget();
            return reply == Reply.Ok ? null : $"SET_DIRTY_TRACKING answered {reply}";
        });
        return off.Concat(Pause(pause)).Concat(on);
    }

    private IEnumerable<Func<bool>> ReadDirty(int chunk, int pause, bool clear)
    {
        foreach (Func<bool> wait in Pause(pause))
        {
            yield return wait;
        }

        ulong length = _plan.Layout.ChunkSize;
        _model.Ask();
        var get = new GetDirtyBitmap(MachineBed.Fd, MachineBed.One, _plan.Layout.StartOf(chunk), length, Quantity.PageSize, !clear);
        foreach (Func<bool> wait in Ask(get, reply => reply.Outputs is not DirtyBitmap bitmap ? $"GET_DIRTY_BITMAP answered {reply}"
            : _model.Answered(bitmap, length, clear) is { } page ? $"page 0x{page:x} was written and is in no bitmap" : null))
        {
            yield return wait;
        }
    }

    private IEnumerable<Func<bool>> Lose(SafetyAction action)
    {
        foreach (Func<bool> wait in Pause(action.Pause))
        {
            yield return wait;
        }

        bool goesOn = action.Kind != SafetyKind.Lose;
        ObjectId[] losable =
            [MachineBed.A.Object, MachineBed.B.Object, MachineBed.Table.Object, MachineBed.Table.Ioasid.Object, MachineBed.Fd.Object];
        ObjectId id = losable[action.Kind == SafetyKind.Silence ? action.What % 2 : goesOn ? action.What % 3 : action.What];
        if (action.Kind == SafetyKind.Silence)
        {
            yield return () => Machine.TrySilence(id);
            foreach (Func<bool> wait in Pause(SilentFor))
            {
                yield return wait;
            }
        }

        DmaRun[] running = [.. Machine.Runs.Where(run => goesOn && run.Device.Object == id)];
        yield return () => Machine.TryLose(id, goesOn) || !Machine.Objects.Any(item => item.Id == id);
        _cutOff.UnionWith(running);
    }

    private IEnumerable<Func<bool>> Ask(UapiCommand command, string expected) =>
        Ask(command, reply => reply.ToString() == expected ? null : $"{command.GetType().Name} answered {reply}");

    /// <summary>An EIO is asked again with the same id: whether it was done is not known.</summary>
    private IEnumerable<Func<bool>> Ask(UapiCommand command, Func<Reply, string?> check)
    {
        command = command with { Request = new RequestId("safety", ++_sequence) };
        Operation operation;
        do
        {
            operation = Machine.Start(command);
            yield return () => operation.Reply is not null;
        }
        while (operation.Reply!.Errno == Errno.EIO);

        _broken ??= check(operation.Reply);
    }

    private IEnumerable<Func<bool>> Pause(int events)
    {
        long until = _tick + events;
        yield return () => _tick >= until;
    }

    private IoasidMapDma Map(int chunk) => MachineBed.Map(_plan.Layout.StartOf(chunk), _plan.Layout.ChunkSize);
}
