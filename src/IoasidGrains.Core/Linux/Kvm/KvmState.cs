// What the kernel keeps of KVM for one process: VMs and their kvm-vfio device; used by ProcessState.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>A VM, as long as its descriptor or that of its kvm-vfio device is open.</summary>
public sealed record Vm(int Number, bool FileOpen)
{
    public KvmVfio? Vfio { get; init; }

    public VmId IdIn(FdId process) => new($"{process.Key}-vm{Number}");
}

/// <summary>The kvm-vfio device of a VM (struct kvm_vfio).</summary>
/// <param name="Files">The VFIO files that it was told of, in order; it keeps them open.</param>
/// <param name="Noncoherent">As it was evaluated last: when a file was added or deleted, not when a device was attached.</param>
public sealed record KvmVfio(ImmutableList<OpenFile> Files, bool Noncoherent)
{
    public static readonly KvmVfio New = new([], false);
}
