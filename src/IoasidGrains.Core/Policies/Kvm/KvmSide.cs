// How KVM learns whether an fd makes a VM's DMA non-coherent; every side is a pure function in a file of its own beside this one.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>When the fd tells KVM.</summary>
public enum KvmTrigger
{
    /// <summary>At KVM_UPDATE_IOASID_FD only.</summary>
    Update,

    /// <summary>With every change of the fd's records: up before it takes effect, down after it is complete.</summary>
    Change,
}

/// <summary>KVM's half of a profile.</summary>
/// <param name="Name">What <c>kvm NAME</c> after <c>open FD /dev/ioasid</c> says.</param>
/// <param name="Whose">Whose idea it was.</param>
/// <param name="IsNoncoherent">Does this fd make DMA of this VM non-coherent?</param>
public sealed record KvmSide(string Name, string Whose, KvmTrigger Trigger, Func<FdState, VmId, bool> IsNoncoherent)
{
    /// <summary>KVM keeps the files of the devices (FILE_ADD, FILE_DEL), and all of them count once.</summary>
    public bool HasFiles { get; init; }

    /// <summary>The fd speaks for its devices as their files would, and counts with them.</summary>
    public bool ByFiles { get; init; }

    /// <summary>KVM_ALLOW_INCOHERENT_DMA works.</summary>
    public bool IsUserDriven { get; init; }

    /// <summary>The CPUs' caches are written back when the VM's DMA becomes non-coherent: whatever wbinvd did not do until then is done.</summary>
    public bool FlushesAtEdge { get; init; }
}
