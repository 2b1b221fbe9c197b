// The memory of a VM or of a process: accesses by CPUs and by devices.
using IoasidGrains.Uapi;

namespace IoasidGrains.Contracts;

/// <summary>Bytes that user addresses name, with the modelled caches in front of them.</summary>
public interface IGuestMemoryGrain : IKernelObjectGrain
{
    ValueTask<Reply> CpuWrite(CpuWrite command);

    ValueTask<Reply> CpuRead(CpuRead command);

    ValueTask<Reply> AccessMemory(AccessMemory command);

    ValueTask<Reply> SetWbinvd(SetWbinvd command);

    ValueTask<Reply> FlushCaches(FlushCaches command);

    ValueTask<Reply> ReadFlushCosts(ReadFlushCosts command);

    ValueTask<Reply> FreePages(FreePages command);

    ValueTask<Reply> FindFreedPages(FindFreedPages command);
}
