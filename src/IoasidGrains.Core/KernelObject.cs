// What every kernel object is to its runner.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// A small synchronous state machine. A runner (a grain, or the Machine) hands it one command at a time and takes its steps to the end
/// before the next: an object is never reentered.
/// </summary>
public abstract class KernelObject(ObjectId id)
{
    public ObjectId Id { get; } = id;

    /// <summary>Handles one command. A command that this kind of object does not understand is a bug of the caller.</summary>
    public abstract Step Handle(Command command);

    /// <summary>The state as an immutable value: comparing, keeping and restoring it costs nothing.</summary>
    public abstract object State { get; set; }

    /// <summary>True while losing this object would lose something that an open fd needs; a runner keeps it in memory then.</summary>
    public abstract bool HoldsState { get; }

    /// <summary>The runner forgets this object: what others read of it without messages ends.</summary>
    public virtual void Lost()
    {
    }

    protected static Step Done(Errno errno) => new Answer(errno == Errno.OK ? Reply.Ok : Reply.Refuse(errno));

    protected static Step Done(Outputs outputs) => new Answer(Reply.With(outputs));

    /// <summary>Goes on at once if there is nothing to wait for.</summary>
    protected static Step After(Completion? until, Func<Step> then) => until is null || until.IsReached ? then() : new Await(until, then);

    protected InvalidOperationException NotUnderstood(Command command) =>
        new($"{Id} was handed {command.GetType().Name}, which objects of its kind do not understand.");
}
