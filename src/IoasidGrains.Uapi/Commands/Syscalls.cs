// What a process that uses /dev/iommu, VFIO and KVM does: its system calls, as numbers and bytes, one record each.
namespace IoasidGrains.Uapi;

/// <summary>Bytes of a process's memory that a system call may read or has written.</summary>
[GenerateSerializer, Immutable]
public readonly record struct UserBytes(ulong Address, byte[] Data);

/// <summary>A piece of a process's address space, inclusive.</summary>
[GenerateSerializer, Immutable]
public readonly record struct UserRegion(ulong Start, ulong Last, bool Writable);

/// <summary>The kernel that a process runs on and what it may do.</summary>
/// <param name="Profile">Policies of <c>/dev/iommu</c>.</param>
/// <param name="ContainerProfile">Policies of <c>/dev/vfio/vfio</c>.</param>
/// <param name="Memory">Its address space; null: everything is there and can be written.</param>
/// <param name="LockedLimit">RLIMIT_MEMLOCK, bytes.</param>
[GenerateSerializer, Immutable]
public sealed record ProcessOptions(string Profile, string ContainerProfile, UserRegion[]? Memory, ulong LockedLimit)
{
    /// <summary>vfio_iommu_type1 and iommufd: allow_unsafe_interrupts.</summary>
    [Id(0)]
    public bool AllowUnsafeInterrupts { get; init; }

    /// <summary>vfio: enable_unsafe_noiommu_mode.</summary>
    [Id(1)]
    public bool NoIommu { get; init; }

    /// <summary>iommufd's self test and its mock driver are built in.</summary>
    [Id(2)]
    public bool Selftest { get; init; }

    /// <summary>CAP_SYS_RESOURCE, CAP_SYS_RAWIO and CAP_IPC_LOCK: no limit on pinned memory is asked for then.</summary>
    [Id(3)]
    public bool Privileged { get; init; } = true;

    /// <summary>type1: dma_entry_limit.</summary>
    [Id(4)]
    public int ContainerMappings { get; init; } = 65535;

    public static readonly ProcessOptions Default = new("iommufd-6.7", "type1", null, ulong.MaxValue);
}

/// <summary>The process begins. EEXIST if it has; EINVAL for an unknown profile.</summary>
[GenerateSerializer, Immutable]
public sealed record StartProcess(FdId Process, ProcessOptions Options) : FdCommand(Process)
{
    protected override Errno CheckFields() => Options is { Profile: not null, ContainerProfile: not null } ? Errno.OK : Errno.EINVAL;
}

/// <summary>A system call of a process. Answers <see cref="SyscallResult"/>, also when it fails.</summary>
[GenerateSerializer, Immutable]
public abstract record Syscall(FdId Process) : FdCommand(Process);

/// <summary>
/// open(): <c>/dev/iommu</c>, <c>/dev/vfio/vfio</c>, <c>/dev/kvm</c>, <c>/dev/vfio/GROUP</c>, <c>/dev/vfio/noiommu-GROUP</c>, <c>/dev/vfio/devices/DEVICE</c>.
/// </summary>
[GenerateSerializer, Immutable]
public sealed record SysOpen(FdId Process, string Path) : Syscall(Process)
{
    protected override Errno CheckFields() => Path is null ? Errno.EINVAL : Errno.OK;
}

/// <summary>close().</summary>
[GenerateSerializer, Immutable]
public sealed record SysClose(FdId Process, int File) : Syscall(Process);

/// <summary>ioctl(). <paramref name="Argument"/> is a number or an address; <paramref name="Memory"/> is what may be read or written at addresses: an access to others is EFAULT.</summary>
[GenerateSerializer, Immutable]
public sealed record SysIoctl(FdId Process, int File, uint Code, ulong Argument, UserBytes[] Memory) : Syscall(Process)
{
    /// <summary>Dirty bits that were read and forgotten must reach the user.</summary>
    public override bool MustFinish => Code == Linux.IoctlCodes.IOMMU_HWPT_GET_DIRTY_BITMAP;

    protected override Errno CheckFields() => Memory is null || Array.Exists(Memory, bytes => bytes.Data is null) ? Errno.EINVAL : Errno.OK;
}

/// <summary>read().</summary>
[GenerateSerializer, Immutable]
public sealed record SysRead(FdId Process, int File, ulong Address, ulong Length) : Syscall(Process);

/// <summary>mmap() of a file, shared, readable and writable, at a fixed address.</summary>
[GenerateSerializer, Immutable]
public sealed record SysMmap(FdId Process, int File, ulong At, ulong Length, ulong Offset) : Syscall(Process);
