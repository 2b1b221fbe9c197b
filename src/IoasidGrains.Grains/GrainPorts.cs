// What all mailboxes of a silo share; one instance per silo.
using IoasidGrains.Contracts;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>The ways out of a mailbox: to its log, to other grains, and to the silo that hosts it.</summary>
public sealed class GrainPorts(ICommitLog log, IGrainFactory grains, IGrainRuntime runtime)
{
    internal ICommitLog Log { get; } = log;

    internal GrainDoor Door { get; } = new(grains);

    internal IGrainRuntime Runtime { get; } = runtime;
}
