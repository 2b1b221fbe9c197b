// One command of one client on the Machine, from its start to its answer.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Where an operation stands, and when it took effect.</summary>
public sealed class Operation(UapiCommand command, int number)
{
    /// <summary>Stands for its request id in the trace hash.</summary>
    internal int Number { get; } = number;

    public UapiCommand Command { get; } = command;

    /// <summary>Null while it is under way.</summary>
    public Reply? Reply { get; internal set; }

    /// <summary>
    /// The event at which it took its place among all others: its append; for one that changes nothing, the turn or look-up that decided it.
    /// </summary>
    public long EffectAt { get; internal set; }

    /// <summary>Its append is in the log.</summary>
    public bool Committed { get; internal set; }

    public override string ToString() => $"{Command.Request} {Command.GetType().Name}";
}
