// The commands that enter at a VM's Kvm: its files as kvm-vfio has them, and what its guest does.
namespace IoasidGrains.Uapi;

/// <summary>A VM exists on this kernel and CPU. EEXIST if it was declared before; EINVAL for a quirk that kernel or CPU do not let user space disable.</summary>
[GenerateSerializer, Immutable]
public sealed record DeclareVm(VmId Vm, VmTraits Traits) : Declaration
{
    /// <summary>The store knows it before the VM does.</summary>
    public override bool MustFinish => true;

    public override EntryPoint Entry => EntryPoint.At(Vm.Object);

    protected override Errno CheckFields() => Traits is { MayHonourGuestPat: true } && Enum.IsDefined(Traits.Vendor) ? Errno.OK : Errno.EINVAL;
}

/// <summary>A command that enters at the Kvm of a VM.</summary>
[GenerateSerializer, Immutable]
public abstract record VmCommand(VmId Vm) : UapiCommand
{
    public override EntryPoint Entry => EntryPoint.At(Vm.Object);
}

/// <summary>
/// KVM_DEV_VFIO_FILE_ADD: KVM keeps the device's file. It makes the VM's DMA non-coherent if the device's unit cannot enforce snooping, bound and attached or
/// not. Answers <see cref="KvmCoherency"/>; EBADF if the VM has ended or the file is closed, EEXIST if KVM has it, ENODEV if there is no such device.
/// </summary>
[GenerateSerializer, Immutable]
public sealed record KvmFileAdd(VmId Vm, DeviceId Device) : VmCommand(Vm)
{
    protected override Errno CheckFields() => Device.Object.IsWellFormed ? Errno.OK : Errno.EINVAL;
}

/// <summary>KVM_DEV_VFIO_FILE_DEL: KVM lets the file go, also one that its user has closed. Answers <see cref="KvmCoherency"/>; ENOENT if KVM does not have it.</summary>
[GenerateSerializer, Immutable]
public sealed record KvmFileDel(VmId Vm, DeviceId Device) : VmCommand(Vm)
{
    protected override Errno CheckFields() => Device.Object.IsWellFormed ? Errno.OK : Errno.EINVAL;
}

/// <summary>The guest executes wbinvd. Answers <see cref="WbinvdOutcome"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record CpuWbinvd(VmId Vm) : VmCommand(Vm)
{
    /// <summary>What it writes back must be told to whoever asked.</summary>
    public override bool MustFinish => true;

    /// <summary>The physical CPU that the vCPU runs on; null: where it ran last.</summary>
    [Id(0)]
    public CpuId? Cpu { get; init; }

    protected override Errno CheckFields() => Cpu is not { IsWellFormed: false } ? Errno.OK : Errno.EINVAL;
}

/// <summary>How does this page come out if the guest maps it so? Answers <see cref="EffectiveMemoryType"/>.</summary>
/// <param name="Mmio">A register window of a device, else RAM.</param>
/// <param name="Pat">What the guest's page tables ask for.</param>
/// <param name="Mtrr">What the guest's MTRRs say of the address.</param>
[GenerateSerializer, Immutable]
public sealed record CpuMemoryType(VmId Vm, bool Mmio, MemoryType Pat, MemoryType Mtrr) : VmCommand(Vm)
{
    protected override Errno CheckFields() => Enum.IsDefined(Pat) && Enum.IsDefined(Mtrr) ? Errno.OK : Errno.EINVAL;
}

/// <summary>What coherency has cost this VM so far: answers <see cref="KvmCosts"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record ReadKvmCosts(VmId Vm) : VmCommand(Vm);
