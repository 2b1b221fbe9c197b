// A step of a flow: what it asks of the port, and what it makes of the answer. Run by FlowRunner, dealt by the sweeps.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>What a step does next: one command at the port, or an answer that needs none.</summary>
/// <param name="Command">Null if the port has nothing to do.</param>
/// <param name="Immediate">The answer then.</param>
public readonly record struct StepPlan(UapiCommand? Command, Reply? Immediate)
{
    public static StepPlan Send(UapiCommand command) => new(command, null);

    public static StepPlan Answer(Reply reply) => new(null, reply);
}

/// <summary>One step. Planning and finishing are apart so that whoever runs it decides when and where the command is called.</summary>
public abstract record FlowStep
{
    /// <summary>True if the step is an ioctl, or issues one.</summary>
    public virtual bool IsIoctl => false;

    /// <summary>The name that holds the result afterwards; null if none.</summary>
    public virtual string? Binds => null;

    /// <summary>The command under the names of one run.</summary>
    public abstract StepPlan Plan(FlowNames names, RequestId request);

    /// <summary>Binds the step's name and answers what the flow sees.</summary>
    public virtual Reply Finish(FlowNames names, Reply reply) => reply;
}
