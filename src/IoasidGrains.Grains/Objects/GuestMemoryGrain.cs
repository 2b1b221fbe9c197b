// The memory of a VM or process as a grain: one line per command into the runner.
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>The mailbox of Core's <c>GuestMemory</c>.</summary>
[CellPlacement]
public sealed class GuestMemoryGrain(IGrainContext context, GrainPorts ports) : ObjectGrain(ObjectKind.GuestMemory, context, ports), IGuestMemoryGrain
{
    public ValueTask<Reply> CpuWrite(CpuWrite command) => Run(command);

    public ValueTask<Reply> CpuRead(CpuRead command) => Run(command);

    public ValueTask<Reply> AccessMemory(AccessMemory command) => Run(command);

    public ValueTask<Reply> SetWbinvd(SetWbinvd command) => Run(command);

    public ValueTask<Reply> FlushCaches(FlushCaches command) => Run(command);

    public ValueTask<Reply> ReadFlushCosts(ReadFlushCosts command) => Run(command);

    public ValueTask<Reply> FreePages(FreePages command) => Run(command);

    public ValueTask<Reply> FindFreedPages(FindFreedPages command) => Run(command);
}
