// One message that may be taken next, on the Machine.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>What an event does to its lane.</summary>
public enum EventKind
{
    /// <summary>A command reaches an object and its turn begins.</summary>
    Deliver,

    /// <summary>A reply reaches the object that waits for it.</summary>
    Return,

    /// <summary>An append reaches the store.</summary>
    Append,

    /// <summary>A client asks the store who holds a device.</summary>
    Lookup,

    /// <summary>A reply reaches a client.</summary>
    Finish,

    /// <summary>What a turn awaited is reached.</summary>
    Reached,

    /// <summary>A running workload goes on to its next point: it translates a burst, or makes the accesses.</summary>
    Section,
}

/// <summary>
/// A pending message. Two events of different lanes do not touch the same state, so their order does not matter;
/// a lane is an object's key, <c>store</c>, or a client's session.
/// </summary>
public sealed class MachineEvent(EventKind kind, string lane, Command? command, Operation operation, Action run)
{
    public EventKind Kind { get; } = kind;

    public string Lane { get; } = lane;

    public Command? Command { get; } = command;

    public Operation Operation { get; } = operation;

    /// <summary>The object that must be between turns for this event to happen; only a delivery needs that.</summary>
    public ObjectId? Target { get; init; }

    public void Run() => run();

    public override string ToString() => $"{Kind,-7} {Lane,-24} {Command?.GetType().Name,-22} of {Operation}";
}
