// What coherency has cost a VM so far.
namespace IoasidGrains.Uapi;

/// <summary>Counters of one VM. Its memory keeps them, so they outlive its Kvm, and go with a memory that holds nothing else and is collected when idle.</summary>
/// <param name="WbinvdExecuted">wbinvd of the guest that wrote caches back.</param>
/// <param name="WbinvdIgnored">wbinvd of the guest that KVM skipped.</param>
/// <param name="CachesFlushed">Caches of CPUs that were written back and emptied: by wbinvd, by a vCPU that left a CPU without a wbinvd exit, at an edge.</param>
/// <param name="LinesFlushed">Dirty lines of 64 bytes that these wrote to memory.</param>
/// <param name="EptZaps">Times the whole EPT was zapped.</param>
[GenerateSerializer, Immutable]
public sealed record KvmCosts(long WbinvdExecuted, long WbinvdIgnored, long CachesFlushed, long LinesFlushed, long EptZaps) : Outputs
{
    public static readonly KvmCosts None = new(0, 0, 0, 0, 0);

    /// <summary>Of two VMs together.</summary>
    public KvmCosts Plus(KvmCosts other) => new(
        WbinvdExecuted + other.WbinvdExecuted, WbinvdIgnored + other.WbinvdIgnored, CachesFlushed + other.CachesFlushed,
        LinesFlushed + other.LinesFlushed, EptZaps + other.EptZaps);

    public override string Text =>
        $"wbinvd_executed={WbinvdExecuted} wbinvd_ignored={WbinvdIgnored} caches_flushed={CachesFlushed} lines_flushed={LinesFlushed} ept_zaps={EptZaps}";
}
