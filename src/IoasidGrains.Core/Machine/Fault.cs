// Faults that a sweep injects into the Machine: one call, named by its number, goes wrong.
namespace IoasidGrains.Core;

/// <summary>What happens to the call.</summary>
public enum FaultKind
{
    /// <summary>It never arrives.</summary>
    FailBefore,

    /// <summary>It arrives and does its work, and the caller is told that it failed.</summary>
    FailAfter,

    /// <summary>It arrives and does its work, and the caller never hears of it.</summary>
    LoseReply,
}

/// <summary>Who made the call that went wrong.</summary>
public enum FaultyCaller
{
    Client,
    Object,
    Append,
}

/// <summary>The call number (from 1) that goes wrong, how, and, once it was reached, whom it hit.</summary>
public sealed class Fault(int call, FaultKind kind)
{
    public int Call { get; } = call;

    public FaultKind Kind { get; } = kind;

    /// <summary>Null until the call was made.</summary>
    public Operation? Hit { get; internal set; }

    public FaultyCaller Caller { get; internal set; }

    /// <summary>True if the operation may only end with what it would have answered without the fault.</summary>
    public bool MustSucceed { get; internal set; }

    public override string ToString() => $"{Kind} at call {Call}" + (Hit is null ? "" : $" ({Caller} call of {Hit})");
}
