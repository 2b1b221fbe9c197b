// --on machine: all objects in this process, without Orleans.
using IoasidGrains.Core;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>A Machine of its own. Its page tables may take half of what the process may use, as a silo's do.</summary>
internal sealed class MachinePort(bool apart) : Port(new Machine(tableLimit: TableLimit, apart: apart), "run")
{
    /// <summary>In pages of 4 KiB.</summary>
    private static long TableLimit => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2 / (long)Quantity.PageSize;

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
