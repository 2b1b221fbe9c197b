// Names one schedule or one fault of a sweep, so that it can be run again.
using IoasidGrains.Core;

namespace IoasidGrains.Console;

/// <summary>A seed, or a fault at a call.</summary>
internal sealed record Replay(ulong Seed, FaultKind? Fault, int Call)
{
    private static readonly Dictionary<string, FaultKind> Faults = new()
    {
        ["fail_before"] = FaultKind.FailBefore,
        ["fail_after"] = FaultKind.FailAfter,
        ["lose_reply"] = FaultKind.LoseReply,
    };

    /// <summary>Reads <c>4711</c> or <c>fail_before@17</c>; null if it is neither.</summary>
    public static Replay? Parse(string text)
    {
        string[] parts = text.Split('@');
        if (parts.Length == 1)
        {
            return ulong.TryParse(text, out ulong seed) ? new Replay(seed, null, 0) : null;
        }

        bool fits = parts.Length == 2 && Faults.ContainsKey(parts[0]) && int.TryParse(parts[1], out int call) && call > 0;
        return fits ? new Replay(0, Faults[parts[0]], int.Parse(parts[1])) : null;
    }

    /// <summary>Runs it with a trace.</summary>
    public (SweepFailure? Failure, IReadOnlyList<string> Trace) Run(IScript script)
    {
        if (Fault is not { } kind)
        {
            SweepFailure? broken = new InterleavingSweep(script).Run(Seed, traced: true).Failure;
            return (broken, broken?.Trace ?? []);
        }

        var sweep = new FaultSweep(script);
        SweepFailure? failure = sweep.RunWithoutFault() ?? sweep.Run(Call, kind, traced: true);
        return (failure, failure?.Trace ?? []);
    }

    public override string ToString() => Fault is { } kind ? $"{Faults.Single(fault => fault.Value == kind).Key}@{Call}" : Seed.ToString();
}
