// Steps of the Linux dialects: a process begins, and makes system calls.
using System.Text.Json.Nodes;
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary><c>process NAME [PROFILE] …</c></summary>
public sealed record StartProcessStep(string Name, ProcessOptions Options) : FlowStep
{
    public override StepPlan Plan(FlowNames names, RequestId request) => StepPlan.Send(new StartProcess(names.Fd(Name), Options) { Request = request });
}

/// <summary><c>open FILE PATH</c>, <c>close FILE</c>, <c>[name =] ioctl FILE IOCTL key=value …</c> on a file of a process.</summary>
/// <param name="Process">Whose file it is.</param>
/// <param name="Call">With words of the file as arguments.</param>
/// <param name="Values">Arguments that are names of values: resolved when the step is planned.</param>
/// <param name="Name">Holds the id that the call answers; null if nothing does.</param>
public sealed record LinuxCallStep(string Process, LinuxCall Call, IReadOnlyDictionary<string, string> Values, string? Name) : FlowStep
{
    /// <summary>Outputs that are ids of objects; the first one that there is, is what a name is bound to.</summary>
    private static readonly string[] Ids = ["out_ioas_id", "out_hwpt_id", "out_devid", "out_fault_id", "pt_id", "mock_id", "dev_id"];

    public override bool IsIoctl => true;

    public override string? Binds => Name;

    public override StepPlan Plan(FlowNames names, RequestId request)
    {
        var arguments = (JsonObject)Call.Args.DeepClone();
        foreach ((string argument, string name) in Values)
        {
            arguments[argument] = names.ValueOf(name) is IoctlValue.Number number ? (long)number.Value : -1;
        }

        (UapiCommand? command, CallAnswer? answer) = names.Processes.Begin(this, Process, Call with { Args = arguments });
        return command is null ? StepPlan.Answer(new Reply(answer!.Errno, Math.Max(0, answer.Ret))) : StepPlan.Send(command with { Request = request });
    }

    public override Reply Finish(FlowNames names, Reply reply)
    {
        if (reply.Outputs is CallOutputs)
        {
            return reply;
        }

        (CallAnswer answer, string[] events) = names.Processes.End(this, reply);
        if (Name is not null && answer.Errno == Errno.OK && Ids.FirstOrDefault(answer.Out.ContainsKey) is { } id)
        {
            names.Bind(Name, new IoctlValue.Number(FlowNumber.Of(answer.Out[id])));
        }

        string text = LinuxProcesses.TextOf(answer.Out) + (events.Length == 0 ? "" : $" noncoherent_dma={string.Join(',', events)}");
        return new Reply(answer.Errno, Math.Max(0, answer.Ret), text.Length == 0 ? null : new CallOutputs(text.Trim()));
    }

    /// <summary>The id that a right margin expects for the name.</summary>
    public static ulong? GuessOf(Expectation expected) => expected.Outputs.Select(output => output.Split('=', 2))
        .Where(parts => parts.Length == 2 && Ids.Contains(parts[0]) && FlowNumber.TryParse(parts[1], out _)).Select(parts => FlowNumber.TryParse(parts[1], out ulong id) ? id : (ulong?)null).FirstOrDefault();
}
