// The ioctls on a VFIO device fd.
namespace IoasidGrains.Uapi;

/// <summary>VFIO_BIND_IOASID_FD: enters at the fd that it names.</summary>
[GenerateSerializer, Immutable]
public sealed record VfioBindIoasidFd(DeviceId Device, FdId Fd) : FdCommand(Fd)
{
    protected override Errno CheckFields() => Device.Object.IsWellFormed ? Errno.OK : Errno.EINVAL;
}

/// <summary>A command on a device that enters at the fd which holds the device.</summary>
[GenerateSerializer, Immutable]
public abstract record HeldDeviceCommand(DeviceId Device) : UapiCommand
{
    public override EntryPoint Entry => EntryPoint.AtHolderOf(Device);
}

/// <summary>VFIO_UNBIND_IOASID_FD: detaches, then unbinds.</summary>
[GenerateSerializer, Immutable]
public sealed record VfioUnbindIoasidFd(DeviceId Device) : HeldDeviceCommand(Device);

/// <summary>VFIO_ATTACH_IOASID, repeating the snoop flag (null: none of its values).</summary>
[GenerateSerializer, Immutable]
public sealed record VfioAttachIoasid(DeviceId Device, IoasidNumber Number, SnoopFormat? Format) : HeldDeviceCommand(Device);

/// <summary>VFIO_DETACH_IOASID.</summary>
[GenerateSerializer, Immutable]
public sealed record VfioDetachIoasid(DeviceId Device, IoasidNumber Number) : HeldDeviceCommand(Device);
