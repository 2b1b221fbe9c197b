// What the kernel can answer to each ioctl, from a reading of drivers/iommu/iommufd, drivers/vfio and virt/kvm of Linux 6.12; used by FuzzProcess.
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;
using static IoasidGrains.Uapi.Errno;

namespace IoasidGrains.Tests.Linux.Fuzz;

/// <summary>The errnos per kind of file and ioctl, and the largest value of success.</summary>
internal static class FuzzErrnos
{
    /// <summary>Of a struct with a size field; of one with argsz.</summary>
    private static readonly Errno[] Sized = [EFAULT, EINVAL, E2BIG], Argsz = [EFAULT, EINVAL];

    private static readonly Errno[] Mapping = [EOVERFLOW, ENOENT, EADDRINUSE, EEXIST, EPERM, ENOSPC, ENOMEM];

    private static readonly Dictionary<(LinuxFile, uint), Errno[]> Rows = new()
    {
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_DESTROY)] = [.. Sized, ENOENT, EBUSY],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_IOAS_ALLOC)] = [.. Sized, EOPNOTSUPP],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_IOAS_ALLOW_IOVAS)] = [.. Sized, EOPNOTSUPP, ENOENT, EADDRINUSE],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_IOAS_COPY)] = [.. Sized, EOPNOTSUPP, .. Mapping],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_IOAS_IOVA_RANGES)] = [.. Sized, EOPNOTSUPP, ENOENT, EMSGSIZE],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_IOAS_MAP)] = [.. Sized, EOPNOTSUPP, .. Mapping],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_IOAS_UNMAP)] = [.. Sized, ENOENT, EOVERFLOW, EBUSY],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_OPTION)] = [.. Sized, EOPNOTSUPP, EPERM, EBUSY, ENOENT, EADDRINUSE],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_VFIO_IOAS)] = [.. Sized, EOPNOTSUPP, ENODEV, ENOENT],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_HWPT_ALLOC)] = [.. Sized, EOPNOTSUPP, ENOENT, EADDRINUSE, ENOMEM],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_GET_HW_INFO)] = [.. Sized, EOPNOTSUPP, ENOENT],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_HWPT_SET_DIRTY_TRACKING)] = [.. Sized, EOPNOTSUPP, ENOENT],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_HWPT_GET_DIRTY_BITMAP)] = [.. Sized, EOPNOTSUPP, ENOENT, EOVERFLOW, ENOMEM],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_HWPT_INVALIDATE)] = [.. Sized, EOPNOTSUPP, ENOENT],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_FAULT_QUEUE_ALLOC)] = [.. Sized, EOPNOTSUPP],
        [(LinuxFile.Iommufd, IoctlCodes.IOMMU_TEST_CMD)] = [.. Sized, EOPNOTSUPP, EBADFD, EBADE, EIO, EBUSY, ENODEV, .. Mapping],
        [(LinuxFile.Iommufd, IoctlCodes.VFIO_GET_API_VERSION)] = [],
        [(LinuxFile.Iommufd, IoctlCodes.VFIO_CHECK_EXTENSION)] = [ENODEV],
        [(LinuxFile.Iommufd, IoctlCodes.VFIO_SET_IOMMU)] = [EINVAL, ENODEV, EPERM, EADDRINUSE],
        [(LinuxFile.Iommufd, IoctlCodes.VFIO_IOMMU_GET_INFO)] = [.. Argsz, ENODEV],
        [(LinuxFile.Iommufd, IoctlCodes.VFIO_IOMMU_MAP_DMA)] = [.. Argsz, ENODEV, EOVERFLOW, EADDRINUSE, EEXIST, ENOMEM],
        [(LinuxFile.Iommufd, IoctlCodes.VFIO_IOMMU_UNMAP_DMA)] = [.. Argsz, ENODEV, EOVERFLOW, ENOENT, EBUSY],

        [(LinuxFile.Container, IoctlCodes.VFIO_GET_API_VERSION)] = [],
        [(LinuxFile.Container, IoctlCodes.VFIO_CHECK_EXTENSION)] = [],
        [(LinuxFile.Container, IoctlCodes.VFIO_SET_IOMMU)] = [EINVAL, ENODEV, EPERM],
        [(LinuxFile.Container, IoctlCodes.VFIO_IOMMU_GET_INFO)] = [.. Argsz],
        [(LinuxFile.Container, IoctlCodes.VFIO_IOMMU_MAP_DMA)] = [.. Argsz, ENOENT, EEXIST, ENOSPC, ENOMEM],
        [(LinuxFile.Container, IoctlCodes.VFIO_IOMMU_UNMAP_DMA)] = [.. Argsz, EBUSY],
        [(LinuxFile.Container, IoctlCodes.VFIO_IOMMU_DIRTY_PAGES)] = [.. Argsz, EACCES, ENOMEM],

        [(LinuxFile.Group, IoctlCodes.VFIO_GROUP_GET_STATUS)] = [.. Argsz],
        [(LinuxFile.Group, IoctlCodes.VFIO_GROUP_SET_CONTAINER)] = [.. Argsz, EBADF, EBADFD, EPERM, EBUSY, ENODEV],
        [(LinuxFile.Group, IoctlCodes.VFIO_GROUP_UNSET_CONTAINER)] = [EINVAL, EBUSY],
        [(LinuxFile.Group, IoctlCodes.VFIO_GROUP_GET_DEVICE_FD)] = [.. Argsz, ENODEV, EPERM, EADDRINUSE, ENOMEM],

        [(LinuxFile.Device, IoctlCodes.VFIO_DEVICE_BIND_IOMMUFD)] = [.. Argsz, EBUSY, EBADF, EBADFD, EPERM],
        [(LinuxFile.Device, IoctlCodes.VFIO_DEVICE_ATTACH_IOMMUFD_PT)] = [.. Argsz, ENOENT, EADDRINUSE, ENOMEM, ENODEV, ENOTTY],
        [(LinuxFile.Device, IoctlCodes.VFIO_DEVICE_DETACH_IOMMUFD_PT)] = [.. Argsz, ENOTTY],
        [(LinuxFile.Device, IoctlCodes.VFIO_DEVICE_GET_INFO)] = [.. Argsz],
        [(LinuxFile.Device, IoctlCodes.VFIO_DEVICE_GET_REGION_INFO)] = [.. Argsz],
        [(LinuxFile.Device, IoctlCodes.VFIO_DEVICE_GET_IRQ_INFO)] = [.. Argsz],
        [(LinuxFile.Device, IoctlCodes.VFIO_DEVICE_SET_IRQS)] = [.. Argsz, EBADF, ENOTTY],
        [(LinuxFile.Device, IoctlCodes.VFIO_DEVICE_RESET)] = [EINVAL],
        [(LinuxFile.Device, IoctlCodes.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO)] = [.. Argsz, ENODEV],
        [(LinuxFile.Device, IoctlCodes.VFIO_DEVICE_PCI_HOT_RESET)] = [.. Argsz, ENODEV],
        [(LinuxFile.Device, IoctlCodes.VFIO_DEVICE_IOEVENTFD)] = [.. Argsz, ENODEV, EBADF],
        [(LinuxFile.Device, IoctlCodes.VFIO_DEVICE_FEATURE)] = [.. Argsz, ENOTTY],

        [(LinuxFile.Kvm, IoctlCodes.KVM_GET_API_VERSION)] = [EINVAL],
        [(LinuxFile.Kvm, IoctlCodes.KVM_CHECK_EXTENSION)] = [],
        [(LinuxFile.Kvm, IoctlCodes.KVM_CREATE_VM)] = [EINVAL],
        [(LinuxFile.Vm, IoctlCodes.KVM_CHECK_EXTENSION)] = [],
        [(LinuxFile.Vm, IoctlCodes.KVM_CREATE_DEVICE)] = [EFAULT, ENODEV, EBUSY],
        [(LinuxFile.KvmVfio, IoctlCodes.KVM_SET_DEVICE_ATTR)] = [EFAULT, ENXIO, EBADF, EINVAL, EEXIST, ENOENT],
        [(LinuxFile.KvmVfio, IoctlCodes.KVM_GET_DEVICE_ATTR)] = [EPERM],
        [(LinuxFile.KvmVfio, IoctlCodes.KVM_HAS_DEVICE_ATTR)] = [EFAULT, ENXIO],
    };

    /// <summary>The kind of an open file; null for a file that has no ioctls of ours.</summary>
    public static LinuxFile? KindOf(OpenFile file) => file switch
    {
        IommufdFile => LinuxFile.Iommufd,
        ContainerFile => LinuxFile.Container,
        VfioGroupFile => LinuxFile.Group,
        VfioDeviceFile => LinuxFile.Device,
        KvmFile => LinuxFile.Kvm,
        VmFile => LinuxFile.Vm,
        KvmVfioFile => LinuxFile.KvmVfio,
        _ => null,
    };

    /// <summary>Could the kernel fail the call so, on a file that stands for this before the call?</summary>
    public static bool Allows(ProcessState before, Syscall call, Errno errno) => call switch
    {
        SysOpen => errno is ENOENT or EBUSY or EPERM or ENODEV,
        SysClose close => errno == EBADF && !before.Files.ContainsKey(close.File),
        SysRead read => before.Files.TryGetValue(read.File, out OpenFile? file) ? errno is EINVAL or EFAULT or EIO || (errno == ESPIPE && file is FaultFile) : errno == EBADF,
        SysMmap mmap => before.Files.ContainsKey(mmap.File) ? errno is EINVAL or ENODEV or ENOMEM : errno == EBADF,
        SysIoctl ioctl => before.Files.TryGetValue(ioctl.File, out OpenFile? file) ? Allows(before, file, ioctl.Code, errno) : errno == EBADF,
        _ => false,
    };

    private static bool Allows(ProcessState before, OpenFile file, uint code, Errno errno)
    {
        if (KindOf(file) is not { } kind)
        {
            return errno == ENOTTY;
        }

        return kind switch
        {
            LinuxFile.Device when file is VfioDeviceFile { File: var number } && !before.DeviceFiles[number].HasAccess && code != IoctlCodes.VFIO_DEVICE_BIND_IOMMUFD => errno == EINVAL,
            LinuxFile.Container when file is ContainerFile { Container: var number } && before.Containers[number].Driver != ContainerDriver.Type1
                && code is not (IoctlCodes.VFIO_GET_API_VERSION or IoctlCodes.VFIO_CHECK_EXTENSION or IoctlCodes.VFIO_SET_IOMMU) =>
                errno == (before.Containers[number].Driver == ContainerDriver.NoIommu ? ENOTTY : EINVAL),
            LinuxFile.Iommufd when code == IoctlCodes.IOMMU_TEST_CMD && !before.Options.Selftest => errno == ENOTTY,
            _ when Rows.TryGetValue((kind, code), out Errno[]? errnos) => errnos.Contains(errno),
            LinuxFile.Kvm => errno == EINVAL,
            // A number of another type in iommufd's range: the size is read before the number is compared.
            LinuxFile.Iommufd => errno is ENOTTY or EFAULT,
            _ => errno == ENOTTY,
        };
    }

    /// <summary>The value of a call that succeeds: zero, but for those that answer a number or a descriptor.</summary>
    public static bool AllowsValue(ProcessState before, ProcessState after, Syscall call, long value) => call switch
    {
        SysOpen => IsNew(before, after, value),
        SysRead read => value <= (long)Math.Min(read.Length, int.MaxValue),
        SysMmap mmap => value == (long)mmap.At,
        SysIoctl { Code: IoctlCodes.VFIO_GROUP_GET_DEVICE_FD } ioctl when before.Files[ioctl.File] is VfioGroupFile => IsNew(before, after, value),
        SysIoctl { Code: IoctlCodes.KVM_CREATE_VM } => IsNew(before, after, value),
        SysIoctl { Code: IoctlCodes.VFIO_CHECK_EXTENSION } => value <= 1,
        SysIoctl { Code: IoctlCodes.KVM_GET_API_VERSION } => value == LinuxFlags.KVM_API_VERSION,
        SysIoctl { Code: IoctlCodes.KVM_CHECK_EXTENSION } => value <= 1,
        SysIoctl ioctl when before.Files[ioctl.File] is KvmFile => true,
        _ => value == 0,
    };

    private static bool IsNew(ProcessState before, ProcessState after, long value) =>
        value == before.LowestFreeFile && after.Files.ContainsKey((int)value);
}
