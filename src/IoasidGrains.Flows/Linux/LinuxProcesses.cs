// The processes of one run of a flow: a call is planned as one command and finished with its reply. Used by the steps of the Linux dialects.
using System.Text.Json.Nodes;
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>
/// A call is a method that makes one system call in its middle. It runs up to there when its step is planned, and to its end when the reply has come;
/// so whoever runs the flow decides when and where the command is called.
/// </summary>
public sealed class LinuxProcesses(HostId host)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinuxProcess> _processes = [];
    private readonly Dictionary<FlowStep, (TaskCompletionSource<Reply> Reply, Task<CallAnswer> Answer, LinuxProcess Process)> _pending = [];
    private (UapiCommand Command, TaskCompletionSource<Reply> Reply)? _made;

    /// <summary>Begins a call; null and its answer if it makes no system call.</summary>
    public (UapiCommand? Command, CallAnswer? Answer) Begin(FlowStep step, string process, LinuxCall call)
    {
        lock (_lock)
        {
            LinuxProcess caller = ProcessOf(process);
            _made = null;
            Task<CallAnswer> answer = call.Make(caller);
            if (_made is not { } made)
            {
                return (null, answer.GetAwaiter().GetResult());
            }

            _pending[step] = (made.Reply, answer, caller);
            return (made.Command, null);
        }
    }

    /// <summary>Ends a call that was begun.</summary>
    public (CallAnswer Answer, string[] NoncoherentEvents) End(FlowStep step, Reply reply)
    {
        lock (_lock)
        {
            _pending.Remove(step, out (TaskCompletionSource<Reply> Reply, Task<CallAnswer> Answer, LinuxProcess Process) pending);
            pending.Reply.SetResult(reply);
            CallAnswer answer = pending.Answer.IsCompleted
                ? pending.Answer.GetAwaiter().GetResult() : throw new InvalidOperationException("A call of a flow makes more than one system call.");
            string[] events = [.. pending.Process.NoncoherentEvents];
            pending.Process.NoncoherentEvents.Clear();
            return (answer, events);
        }
    }

    /// <summary>A descriptor has this number, as far as anybody can say before its open() has run.</summary>
    public void Guess(string process, string file, int number)
    {
        lock (_lock)
        {
            ProcessOf(process).NameFile(file, number);
        }
    }

    public LinuxProcesses Copy()
    {
        var copy = new LinuxProcesses(host);
        lock (_lock)
        {
            foreach ((string name, LinuxProcess process) in _processes)
            {
                copy._processes.Add(name, process.Copy(copy.Capture));
            }
        }

        return copy;
    }

    private LinuxProcess ProcessOf(string name)
    {
        if (!_processes.TryGetValue(name, out LinuxProcess? process))
        {
            _processes.Add(name, process = new LinuxProcess(new FdId(host.Key(name)), Capture, device => device ?? ""));
        }

        return process;
    }

    private Task<Reply> Capture(UapiCommand command)
    {
        var reply = new TaskCompletionSource<Reply>();
        _made = (command, reply);
        return reply.Task;
    }

    /// <summary>What is wrong with a call, as far as its words tell; null if nothing is.</summary>
    public static string? Check(LinuxCall call)
    {
        var processes = new LinuxProcesses(new HostId("host"));
        var step = new StatusStep();
        processes.Guess("process", call.File, 3);
        try
        {
            if (processes.Begin(step, "process", call).Command is not null)
            {
                processes.End(step, Reply.Refuse(Errno.EINVAL));
            }

            return null;
        }
        catch (CallNotUnderstoodException mistake)
        {
            return mistake.Message;
        }
    }

    /// <summary>One canonical line of what a call answered.</summary>
    public static string TextOf(JsonObject outputs) => string.Join(' ', outputs.Where(output => output.Key is not ("raw_id" or "raw" or "fd" or "tail_zeroed"))
        .Select(output => $"{output.Key}={TextOf(output.Value)}"));

    private static string TextOf(JsonNode? value) => value switch
    {
        JsonArray { Count: > 0 } list when list.All(item => item is JsonArray { Count: 2 }) => string.Join(',', list.Select(pair => $"{pair![0]}..{pair[1]}")),
        JsonArray list when list.All(item => item is JsonValue) => string.Join(',', list.Select(item => item!.ToString())),
        JsonValue one when one.TryGetValue(out bool flag) => flag ? "yes" : "no",
        JsonValue one => one.ToString(),
        null => "",
        _ => value.ToJsonString(),
    };
}

/// <summary>What a call of a Linux process left in its structs, as a flow shows it.</summary>
public sealed record CallOutputs(string Shown) : Outputs
{
    public override string Text => Shown;
}
