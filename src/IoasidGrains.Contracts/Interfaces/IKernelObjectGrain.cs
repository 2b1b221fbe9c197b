// What every grain of a kernel object understands; the interfaces beside this file add what each kind does.
using IoasidGrains.Uapi;

namespace IoasidGrains.Contracts;

/// <summary>
/// The mailbox of one kernel object. Its key is <see cref="ObjectId.Key"/>. One method per command, so that the interface lists what an
/// actor understands and Orleans' telemetry names it. Commands and replies are immutable and passed by reference within a silo.
/// </summary>
public interface IKernelObjectGrain : IGrainWithStringKey
{
    /// <summary>Answers <see cref="ObjectStatus"/>.</summary>
    ValueTask<Reply> DescribeObject(DescribeObject command);
}
