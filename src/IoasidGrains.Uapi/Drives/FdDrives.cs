// Questions and drives of an ioasid_fd to the kinds below it. A drive carries the fd's stamp and the desired state; a leaf applies it once.
namespace IoasidGrains.Uapi;

/// <summary>An order of an fd (directly, or through its Ioasid) to a leaf.</summary>
[GenerateSerializer, Immutable]
public abstract record Drive(Stamp Stamp) : Command
{
    public override bool MustFinish => true;
}

/// <summary>To a Device: what are you? Answers <see cref="DeviceDescription"/>, or ENODEV.</summary>
[GenerateSerializer, Immutable]
public sealed record DescribeDevice(DeviceId Device) : Command;

/// <summary>To an IommuUnit: what can you do? Answers <see cref="UnitDescription"/>, or ENODEV.</summary>
[GenerateSerializer, Immutable]
public sealed record DescribeUnit(UnitId Unit) : Command;

/// <summary>To a Device: the fd holds it (bound), or does no more.</summary>
/// <param name="Held">False ends every route.</param>
/// <param name="Unit">What its unit can do: how that reports a blocked access.</param>
/// <param name="FileOpen">Whether the device file is open afterwards.</param>
[GenerateSerializer, Immutable]
public sealed record HoldDevice(Stamp Stamp, DeviceId Device, bool Held, bool FileOpen, IommuCapabilities Unit) : Drive(Stamp)
{
    /// <summary>Where it is attached, for one that lost its records: all in one message, so that none is half driven. Null: nowhere.</summary>
    [Id(0)]
    public DmaRoute? Route { get; init; }
}

/// <summary>To a Kvm: the fd is linked to this VM. Its contribution stays as it was.</summary>
[GenerateSerializer, Immutable]
public sealed record LinkFd(Stamp Stamp, VmId Vm) : Drive(Stamp);

/// <summary>To a Kvm: the snoop-update message. The fd's IOASIDs make this VM's DMA non-coherent, or do not.</summary>
[GenerateSerializer, Immutable]
public sealed record UpdateSnoop(Stamp Stamp, VmId Vm, bool Noncoherent) : Drive(Stamp)
{
    /// <summary>The fd speaks for the VFIO files of its devices: all such fds and files together count once, as one kvm-vfio device does.</summary>
    [Id(0)]
    public bool ByFiles { get; init; }

    /// <summary>If this makes the VM's DMA non-coherent, the caches of its CPUs are written back before it is answered.</summary>
    [Id(1)]
    public bool FlushFirst { get; init; }
}

/// <summary>To a Kvm: the fd is linked no more.</summary>
[GenerateSerializer, Immutable]
public sealed record UnlinkFd(Stamp Stamp, VmId Vm) : Drive(Stamp);
