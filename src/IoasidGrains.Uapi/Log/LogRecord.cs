// One entry of an object's log: what changed, for whom, and what was answered.
namespace IoasidGrains.Uapi;

/// <summary>One append. It holds the effect and the answer together, so that a retry finds both or neither.</summary>
/// <param name="Sequence">Position in the log of one object, from 1 without holes.</param>
/// <param name="Request">Who asked.</param>
/// <param name="Reply">What is answered; a drive may add outputs.</param>
/// <param name="Changes">The effect.</param>
[GenerateSerializer, Immutable]
public sealed record LogRecord(long Sequence, RequestId Request, Reply Reply, Change[] Changes)
{
    /// <summary>Position among all appends of the store; the store sets it.</summary>
    [Id(0)]
    public long Order { get; init; }

    /// <summary>What the Count claim of this append found; the store sets it.</summary>
    [Id(1)]
    public int Counted { get; init; }

    /// <summary>What the Inventory claim of this append found; the store sets it.</summary>
    [Id(2)]
    public DeviceFacts[]? Host { get; init; }
}

/// <summary>One change of an fd's, a VM's or a device's own records.</summary>
[GenerateSerializer, Immutable]
public abstract record Change;

[GenerateSerializer, Immutable]
public sealed record FdOpened(OpenOptions Options) : Change;

/// <summary>The user closed the fd; objects that devices still use stay.</summary>
[GenerateSerializer, Immutable]
public sealed record FdClosed : Change;

/// <summary>The records are those of a process; stands first in its log.</summary>
[GenerateSerializer, Immutable]
public sealed record ProcessStarted(ProcessOptions Options) : Change;

/// <summary>The process looked at the devices of its host, which stand in the record.</summary>
[GenerateSerializer, Immutable]
public sealed record HostSeen : Change;

/// <summary>A system call that changed what the kernel keeps for the process; its effect on page tables and devices follows as changes of their own.</summary>
[GenerateSerializer, Immutable]
public sealed record SyscallMade(Syscall Call) : Change;

[GenerateSerializer, Immutable]
public sealed record MemoryRegistered(UserAddress Start, ulong Length) : Change;

[GenerateSerializer, Immutable]
public sealed record MemoryUnregistered(UserAddress Start) : Change;

[GenerateSerializer, Immutable]
public sealed record IoasidAllocated(IoasidNumber Number, IoasidSpec Spec) : Change
{
    /// <summary>What is mapped in it from the start.</summary>
    [Id(0)]
    public Area[] Areas { get; init; } = [];
}

[GenerateSerializer, Immutable]
public sealed record IoasidFreed(IoasidNumber Number) : Change;

[GenerateSerializer, Immutable]
public sealed record AreaMapped(IoasidNumber Number, Area Area) : Change;

[GenerateSerializer, Immutable]
public sealed record AreasUnmapped(IoasidNumber Number, IovaRange[] Ranges) : Change;

[GenerateSerializer, Immutable]
public sealed record DirtyTrackingChanged(IoasidNumber Number, bool Enabled) : Change;

[GenerateSerializer, Immutable]
public sealed record DeviceBound(DeviceId Device, DeviceTraits Traits, IommuCapabilities Unit) : Change;

/// <summary>The fd holds the device no more.</summary>
/// <param name="FileOpen">False if the device file was closed.</param>
[GenerateSerializer, Immutable]
public sealed record DeviceUnbound(DeviceId Device, bool FileOpen) : Change;

/// <summary>The device translates through a table of the IOASID from now on.</summary>
/// <param name="Table">Its index; it is made if there is no such table yet.</param>
/// <param name="EnforceSnoop">The table's format from now on: a table that has another one is converted before the device joins.</param>
[GenerateSerializer, Immutable]
public sealed record DeviceAttached(DeviceId Device, IoasidNumber Number, int Table, bool EnforceSnoop) : Change
{
    /// <summary>The flag of ATTACH.</summary>
    [Id(0)]
    public SnoopFormat? Flag { get; init; }

    /// <summary>See <see cref="DmaRoute.ForcesSnoop"/>.</summary>
    [Id(1)]
    public bool ForcesSnoop { get; init; }

    /// <summary>The user says that the device will not use no-snoop here (RFC v2 1.5, the hint); nothing enforces it.</summary>
    [Id(2)]
    public bool PromisesSnoop { get; init; }

    /// <summary>See <see cref="TableSpec.AddressWidth"/>; for a table that is made.</summary>
    [Id(3)]
    public int? TableWidth { get; init; }
}

/// <summary>The device translates no more.</summary>
/// <param name="DropsTable">It was the last one of its table, which goes with it.</param>
/// <param name="EnforceSnoop">The format of the table that stays behind: it is converted if it has another.</param>
[GenerateSerializer, Immutable]
public sealed record DeviceDetached(DeviceId Device, bool DropsTable, bool EnforceSnoop) : Change;

[GenerateSerializer, Immutable]
public sealed record KvmAdded(VmId Vm) : Change;

[GenerateSerializer, Immutable]
public sealed record KvmRemoved(VmId Vm) : Change;

/// <summary>KVM was told what the walk over the IOASIDs found.</summary>
[GenerateSerializer, Immutable]
public sealed record KvmUpdated(VmId Vm, bool Noncoherent) : Change;

/// <summary>The user says that this device may do non-coherent DMA for this VM, or no more (Jason Gunthorpe, KVM_ALLOW_INCOHERENT_DMA).</summary>
[GenerateSerializer, Immutable]
public sealed record IncoherentDmaAllowed(VmId Vm, DeviceId Device, bool Allowed) : Change;

/// <summary>In a device's own log: its file was opened or closed while no fd held it.</summary>
[GenerateSerializer, Immutable]
public sealed record FileChanged(bool Open) : Change;

/// <summary>In a Kvm's own log: the VM is gone.</summary>
[GenerateSerializer, Immutable]
public sealed record VmClosed : Change;

/// <summary>In a Kvm's own log: it keeps the file of a device.</summary>
/// <param name="Noncoherent">The device's unit cannot enforce snooping.</param>
[GenerateSerializer, Immutable]
public sealed record VmFileAdded(DeviceId Device, bool Noncoherent) : Change;

/// <summary>In a Kvm's own log: it has let the file of a device go.</summary>
[GenerateSerializer, Immutable]
public sealed record VmFileRemoved(DeviceId Device) : Change;
