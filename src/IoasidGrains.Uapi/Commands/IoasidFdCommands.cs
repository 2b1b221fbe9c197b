// The ioctls on an ioasid_fd, one record each.
namespace IoasidGrains.Uapi;

/// <summary>A command that enters at the ioasid_fd it names.</summary>
[GenerateSerializer, Immutable]
public abstract record FdCommand(FdId Fd) : UapiCommand
{
    public override EntryPoint Entry => EntryPoint.At(Fd.Object);
}

/// <summary>IOASID_CHECK_EXTENSION: 1 if the fd has it, else 0. <paramref name="Number"/> may be one that nobody knows.</summary>
[GenerateSerializer, Immutable]
public sealed record IoasidCheckExtension(FdId Fd, uint Number) : FdCommand(Fd);

/// <summary>IOASID_REGISTER_MEMORY: pins and accounts user memory once.</summary>
[GenerateSerializer, Immutable]
public sealed record IoasidRegisterMemory(FdId Fd, UserAddress Start, ulong Length) : FdCommand(Fd)
{
    protected override Errno CheckFields() => Start.Memory.Object.IsWellFormed ? Errno.OK : Errno.EINVAL;
}

/// <summary>IOASID_UNREGISTER_MEMORY of exactly what was registered.</summary>
[GenerateSerializer, Immutable]
public sealed record IoasidUnregisterMemory(FdId Fd, UserAddress Start, ulong Length) : FdCommand(Fd)
{
    protected override Errno CheckFields() => Start.Memory.Object.IsWellFormed ? Errno.OK : Errno.EINVAL;
}

/// <summary>IOASID_ALLOC with the seed's snoop flag; answers the new number.</summary>
/// <param name="Format">The flag; null if a value was given that is none of its values.</param>
/// <param name="AddressWidth">Bits of an IOVA; 48 unless asked otherwise.</param>
[GenerateSerializer, Immutable]
public sealed record IoasidAlloc(FdId Fd, SnoopFormat? Format, int AddressWidth) : FdCommand(Fd)
{
    protected override Errno CheckFields() => Format is { } format && !Enum.IsDefined(format) ? Errno.EINVAL : Errno.OK;
}

/// <summary>IOASID_FREE.</summary>
[GenerateSerializer, Immutable]
public sealed record IoasidFree(FdId Fd, IoasidNumber Number) : FdCommand(Fd);

/// <summary>IOASID_GET_INFO: answers <see cref="IoasidInfo"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record IoasidGetInfo(FdId Fd, IoasidNumber Number) : FdCommand(Fd);

/// <summary>IOASID_GET_DEV_INFO: answers <see cref="DeviceInfo"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record IoasidGetDevInfo(FdId Fd, DeviceId Device) : FdCommand(Fd)
{
    protected override Errno CheckFields() => Device.Object.IsWellFormed ? Errno.OK : Errno.EINVAL;
}

/// <summary>IOASID_MAP_DMA of <paramref name="Length"/> bytes.</summary>
[GenerateSerializer, Immutable]
public sealed record IoasidMapDma(FdId Fd, IoasidNumber Number, ulong Iova, ulong Length, UserAddress Memory, DmaAccess Access) : FdCommand(Fd)
{
    /// <summary>Of this mapping's leaves; only where the policy has a format per mapping. Null: the IOASID's.</summary>
    [Id(0)]
    public SnoopFormat? Format { get; init; }

    protected override Errno CheckFields() => Memory.Memory.Object.IsWellFormed ? Errno.OK : Errno.EINVAL;
}

/// <summary>IOASID_UNMAP_DMA; answers <see cref="UnmappedBytes"/>. <paramref name="All"/> is the flag that empties the IOASID and goes with 0 and 0.</summary>
[GenerateSerializer, Immutable]
public sealed record IoasidUnmapDma(FdId Fd, IoasidNumber Number, ulong Iova, ulong Length, bool All) : FdCommand(Fd);

/// <summary>The port asks the fd to drive a leaf (a device, a page table) that started without its records.</summary>
[GenerateSerializer, Immutable]
public sealed record DriveAgain(FdId Fd, ObjectId Leaf) : FdCommand(Fd)
{
    protected override Errno CheckFields() => Leaf.IsWellFormed ? Errno.OK : Errno.EINVAL;
}
