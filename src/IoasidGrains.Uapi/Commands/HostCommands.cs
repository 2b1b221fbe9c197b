// Declarations, opening, closing, and looking: what a user does beside ioctls.
namespace IoasidGrains.Uapi;

/// <summary>States that a unit or device exists. It is written to the store's host inventory before it answers, and read from there when the object starts.</summary>
[GenerateSerializer, Immutable]
public abstract record Declaration : UapiCommand;

/// <summary>An IOMMU unit exists. EEXIST if it does already; EINVAL if there is none like it: AMD-Vi always enforces snooping, virtio-iommu never.</summary>
[GenerateSerializer, Immutable]
public sealed record DeclareUnit(UnitId Unit, IommuCapabilities Capabilities) : Declaration
{
    public override EntryPoint Entry => EntryPoint.At(Unit.Object);

    protected override Errno CheckFields() =>
        Capabilities is { AddressWidth: 39 or 48 or 57, Reserved: not null } unit && (unit.PageSizes & Quantity.PageSize) != 0
            && (unit.PageSizes & ~IommuCapabilities.AllPageSizes) == 0
            && (unit.Driver == IommuDriver.Vtd || unit.EnforceSnoop == (unit.Driver == IommuDriver.Amd)) ? Errno.OK : Errno.EINVAL;
}

/// <summary>A device exists and its device file is open. EEXIST if it does already.</summary>
[GenerateSerializer, Immutable]
public sealed record DeclareDevice(DeviceId Device, DeviceTraits Traits) : Declaration
{
    public override EntryPoint Entry => EntryPoint.At(Device.Object);

    protected override Errno CheckFields() =>
        Traits is { Reserved: not null } && Traits.Unit.Object.IsWellFormed && Traits.Group.Key is not null ? Errno.OK : Errno.EINVAL;
}

/// <summary>open("/dev/ioasid"). EEXIST if the name is in use; EINVAL for an unknown profile.</summary>
[GenerateSerializer, Immutable]
public sealed record OpenFd(FdId Fd, OpenOptions Options) : FdCommand(Fd)
{
    protected override Errno CheckFields() => Options?.Profile is null ? Errno.EINVAL : Errno.OK;
}

/// <summary>Opens the device file again after it was closed. ENODEV if there is no such device, EBUSY if the file is open.</summary>
[GenerateSerializer, Immutable]
public sealed record OpenDevice(DeviceId Device) : UapiCommand
{
    public override EntryPoint Entry => EntryPoint.At(Device.Object);
}

/// <summary>close() of an ioasid_fd: no new command; its objects live until the last device leaves (domain 2.8).</summary>
[GenerateSerializer, Immutable]
public sealed record CloseFd(FdId Fd) : FdCommand(Fd);

/// <summary>close() of a device file: detaches, unbinds (domain 2.7). EBUSY while a process has bound the device with a file of its own.</summary>
[GenerateSerializer, Immutable]
public sealed record CloseDevice(DeviceId Device) : HeldDeviceCommand(Device);

/// <summary>The VM is gone: KVM drops its links, its files and its count.</summary>
[GenerateSerializer, Immutable]
public sealed record CloseVm(VmId Vm) : UapiCommand
{
    public override EntryPoint Entry => EntryPoint.At(Vm.Object);
}

/// <summary>Asks one object for its status line.</summary>
[GenerateSerializer, Immutable]
public sealed record DescribeObject(ObjectId Target) : UapiCommand
{
    public override EntryPoint Entry => EntryPoint.At(Target);
}

/// <summary>One access of a device, by IOVA. Answers <see cref="DmaOutcome"/>; EINVAL if the device is not bound, the length is not 1..65536 or the range passes 2^64.</summary>
/// <param name="Access">Read or Write.</param>
/// <param name="NoSnoop">The transaction asks not to be snooped.</param>
/// <param name="Data">What a write writes; its length is the access's.</param>
[GenerateSerializer, Immutable]
public sealed record DeviceDma(DeviceId Device, ulong Iova, int Length, DmaAccess Access, bool NoSnoop, byte[]? Data) : UapiCommand
{
    public const int MaxLength = 65536;

    public override EntryPoint Entry => EntryPoint.At(Device.Object);

    protected override Errno CheckFields() =>
        Access is not (DmaAccess.Read or DmaAccess.Write) || (Access == DmaAccess.Write && Data is null)
            || (Data?.Length ?? Length) is < 1 or > MaxLength || Iova > ulong.MaxValue - (ulong)((Data?.Length ?? Length) - 1) ? Errno.EINVAL : Errno.OK;
}

/// <summary>A CPU of the memory's owner writes bytes.</summary>
[GenerateSerializer, Immutable]
public sealed record CpuWrite(GuestMemoryId Memory, ulong Offset, byte[] Data) : UapiCommand
{
    public override EntryPoint Entry => EntryPoint.At(Memory.Object);

    /// <summary>The physical CPU; null: where the vCPU ran last.</summary>
    [Id(0)]
    public CpuId? Cpu { get; init; }

    protected override Errno CheckFields() =>
        Data is { Length: >= 1 and <= DeviceDma.MaxLength } && Cpu is not { IsWellFormed: false } ? Errno.OK : Errno.EINVAL;
}

/// <summary>A CPU of the memory's owner reads bytes. Answers <see cref="MemoryBytes"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record CpuRead(GuestMemoryId Memory, ulong Offset, int Length) : UapiCommand
{
    public override EntryPoint Entry => EntryPoint.At(Memory.Object);

    /// <summary>The physical CPU; null: where the vCPU ran last.</summary>
    [Id(0)]
    public CpuId? Cpu { get; init; }

    protected override Errno CheckFields() =>
        Length is >= 1 and <= DeviceDma.MaxLength && Cpu is not { IsWellFormed: false } ? Errno.OK : Errno.EINVAL;
}
