// Every system call of a process goes through here to the kind of file that it names; used by what decides and what replays calls.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>The table from calls and kinds of files to handlers (the kernel's file_operations).</summary>
public static class Syscalls
{
    /// <summary>Zero or more, or minus an errno.</summary>
    public static long Run(SyscallFrame frame, Syscall call) => call switch
    {
        SysOpen open => Opening.Open(frame, open.Path),
        SysClose close => Close(frame, close.File),
        SysIoctl ioctl => frame.State.Files.TryGetValue(ioctl.File, out OpenFile? file) ? Ioctl(frame, file, ioctl.Code, ioctl.Argument) : Errno.EBADF.AsResult(),
        SysRead read => frame.State.Files.TryGetValue(read.File, out OpenFile? file) ? Read(frame, file, read.Address, read.Length) : Errno.EBADF.AsResult(),
        SysMmap mmap when !Quantity.IsPageAligned(mmap.Offset) => Errno.EINVAL.AsResult(),
        SysMmap mmap => frame.State.Files.TryGetValue(mmap.File, out OpenFile? file) ? Mmap(frame, file, mmap) : Errno.EBADF.AsResult(),
        _ => Errno.ENOTTY.AsResult(),
    };

    private static long Close(SyscallFrame frame, int number)
    {
        if (!frame.State.Files.TryGetValue(number, out OpenFile? file))
        {
            return Errno.EBADF.AsResult();
        }

        frame.State = frame.State with { Files = frame.State.Files.Remove(number) };
        FileReferences.Put(frame, file);
        if (frame.State.Files.IsEmpty)
        {
            // Without any descriptor the process is at its end: its memory goes, and with it what kept device files open.
            RegionMappings.UnmapAll(frame);
        }

        return 0;
    }

    private static long Ioctl(SyscallFrame frame, OpenFile file, uint code, ulong argument) => file switch
    {
        IommufdFile iommufd => Iommufd.Ioctl(frame, iommufd.Context, code, argument),
        ContainerFile container => Containers.Ioctl(frame, container.Container, code, argument),
        VfioGroupFile group => VfioGroups.Ioctl(frame, group.Group, code, argument),
        VfioDeviceFile device => DeviceFiles.Ioctl(frame, device.File, code, argument),
        KvmFile => KvmIoctls.OfSystem(frame, code, argument),
        VmFile vm => KvmIoctls.OfVm(frame, vm.Vm, code, argument),
        KvmVfioFile vfio => KvmVfioFiles.Ioctl(frame, vfio.Vm, code, argument),
        _ => Errno.ENOTTY.AsResult(),
    };

    private static long Read(SyscallFrame frame, OpenFile file, ulong address, ulong length) => file switch
    {
        FaultFile or AccessFile => Iommufd.Read(frame, file, address, length),
        VfioDeviceFile device => DeviceFiles.Read(frame, device.File, length),
        TerminalFile => 0,
        _ => Errno.EINVAL.AsResult(),
    };

    /// <summary>Whole pages are mapped. What the address space refuses comes before what the file does.</summary>
    private static long Mmap(SyscallFrame frame, OpenFile file, SysMmap mmap)
    {
        const ulong past = Quantity.UserAddressEnd - Quantity.PageSize;
        ulong length = unchecked(mmap.Length + (Quantity.PageSize - 1)) & ~(Quantity.PageSize - 1);
        return mmap.Length == 0 ? Errno.EINVAL.AsResult()
            : length is 0 or > past || mmap.At > past - length ? Errno.ENOMEM.AsResult()
            : !Quantity.IsPageAligned(mmap.At) ? Errno.EINVAL.AsResult()
            : file is VfioDeviceFile device ? DeviceFiles.Mmap(frame, device.File, mmap with { Length = length })
            : Errno.ENODEV.AsResult();
    }
}
