// As PushOnChange, and the caches are written back before DMA may go past them.
namespace IoasidGrains.Core;

/// <summary>
/// What KVM ignored while all DMA was coherent may be needed later: a line that the guest believes flushed is still dirty when a table turns plain. So the caches of the VM's
/// CPUs are written back once at each step from coherent to non-coherent, before it takes effect.
/// </summary>
public static class PushAndFlush
{
    public static readonly KvmSide Side = PushOnChange.Side with { Name = "push-and-flush", Whose = "this project", FlushesAtEdge = true };
}
