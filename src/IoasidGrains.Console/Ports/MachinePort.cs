// --on machine: all objects in this process, without Orleans.
using IoasidGrains.Core;

namespace IoasidGrains.Console;

/// <summary>A Machine of its own.</summary>
internal sealed class MachinePort() : Port(new Machine(), "run")
{
    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
