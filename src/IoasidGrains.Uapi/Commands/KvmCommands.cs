// The ioctls on a VM that concern an ioasid_fd; all of them enter at that fd.
namespace IoasidGrains.Uapi;

/// <summary>KVM_ADD_IOASID_FD: the fd is announced to KVM. Changes nothing in KVM's coherency yet.</summary>
[GenerateSerializer, Immutable]
public sealed record KvmAddIoasidFd(VmId Vm, FdId Fd) : FdCommand(Fd)
{
    protected override Errno CheckFields() => Vm.Object.IsWellFormed ? Errno.OK : Errno.EINVAL;
}

/// <summary>KVM_DEL_IOASID_FD: KVM drops the fd and what it contributed.</summary>
[GenerateSerializer, Immutable]
public sealed record KvmDelIoasidFd(VmId Vm, FdId Fd) : FdCommand(Fd)
{
    protected override Errno CheckFields() => Vm.Object.IsWellFormed ? Errno.OK : Errno.EINVAL;
}

/// <summary>KVM_ALLOW_INCOHERENT_DMA, or KVM_DISALLOW_INCOHERENT_DMA: this bound device may do non-coherent DMA for the VM (Jason Gunthorpe, 4 June 2021).</summary>
[GenerateSerializer, Immutable]
public sealed record KvmAllowIncoherentDma(VmId Vm, FdId Fd, DeviceId Device, bool Allow) : FdCommand(Fd)
{
    protected override Errno CheckFields() => Vm.Object.IsWellFormed && Device.Object.IsWellFormed ? Errno.OK : Errno.EINVAL;
}

/// <summary>What the policy of an fd has cost so far: answers <see cref="FdCosts"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record ReadFdCosts(FdId Fd) : FdCommand(Fd);

/// <summary>KVM_UPDATE_IOASID_FD: walks the fd's IOASIDs and updates KVM's snoop requirement; answers <see cref="KvmCoherency"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record KvmUpdateIoasidFd(VmId Vm, FdId Fd) : FdCommand(Fd)
{
    protected override Errno CheckFields() => Vm.Object.IsWellFormed ? Errno.OK : Errno.EINVAL;
}
