// The kvm-vfio device of a VM: the VFIO files it is told of, and what KVM makes of them (virt/kvm/vfio.c); used by Syscalls.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Whether DMA is coherent is asked of the devices behind the files, when a file is added or deleted and at the end; not of any page table.</summary>
internal static class KvmVfioFiles
{
    private const uint FileGroup = LinuxFlags.KVM_DEV_VFIO_FILE;
    private const ulong AddFile = LinuxFlags.KVM_DEV_VFIO_FILE_ADD, DeleteFile = LinuxFlags.KVM_DEV_VFIO_FILE_DEL;

    public static long Ioctl(SyscallFrame frame, int vm, uint code, ulong argument)
    {
        if (code == IoctlCodes.KVM_GET_DEVICE_ATTR)
        {
            return Errno.EPERM.AsResult();
        }

        if (code is not (IoctlCodes.KVM_SET_DEVICE_ATTR or IoctlCodes.KVM_HAS_DEVICE_ATTR))
        {
            return Errno.ENOTTY.AsResult();
        }

        Errno errno = !frame.TryRead(argument, out KvmDeviceAttr attribute) ? Errno.EFAULT
            : attribute is not { Group: FileGroup, Attr: AddFile or DeleteFile } ? Errno.ENXIO
            : code == IoctlCodes.KVM_HAS_DEVICE_ATTR ? Errno.OK
            : Change(frame, vm, attribute);
        return errno.AsResult();
    }

    /// <summary>Its file is closed: all files are let go, then KVM is told.</summary>
    public static void Release(SyscallFrame frame, int number)
    {
        Vm vm = frame.State.Vms[number];
        foreach (OpenFile file in vm.Vfio!.Files)
        {
            TellVm(frame, file, null);
            FileReferences.Put(frame, file);
        }

        Evaluate(frame, vm with { Vfio = vm.Vfio with { Files = [] } });
        KvmIoctls.SetOrDrop(frame, frame.State.Vms[number] with { Vfio = null });
    }

    private static Errno Change(SyscallFrame frame, int vm, KvmDeviceAttr attribute) =>
        !frame.TryRead(attribute.Addr, out int number) ? Errno.EFAULT
        : !frame.State.Files.TryGetValue(number, out OpenFile? file) ? Errno.EBADF
        : attribute.Attr == AddFile ? Add(frame, frame.State.Vms[vm], file)
        : Delete(frame, frame.State.Vms[vm], file);

    private static Errno Add(SyscallFrame frame, Vm vm, OpenFile file)
    {
        if (file is not (VfioGroupFile or VfioDeviceFile))
        {
            return Errno.EINVAL;
        }

        if (vm.Vfio!.Files.Contains(file))
        {
            return Errno.EEXIST;
        }

        FileReferences.Get(frame, file);
        TellVm(frame, file, vm.Number);
        Evaluate(frame, vm with { Vfio = vm.Vfio with { Files = vm.Vfio.Files.Add(file) } });
        return Errno.OK;
    }

    /// <summary>A file that is not there is refused, and coherency is evaluated all the same.</summary>
    private static Errno Delete(SyscallFrame frame, Vm vm, OpenFile file)
    {
        bool isThere = vm.Vfio!.Files.Contains(file);
        if (isThere)
        {
            TellVm(frame, file, null);
            FileReferences.Put(frame, file);
        }

        Evaluate(frame, vm with { Vfio = vm.Vfio with { Files = vm.Vfio.Files.Remove(file) } });
        return isThere ? Errno.OK : Errno.ENOENT;
    }

    /// <summary>A driver that is opened from the file from now on has this VM.</summary>
    private static void TellVm(SyscallFrame frame, OpenFile file, int? vm)
    {
        if (file is VfioGroupFile group)
        {
            frame.Set(frame.State.VfioGroups[group.Group] with { Vm = vm });
        }
        else if (file is VfioDeviceFile device)
        {
            frame.Set(frame.State.DeviceFiles[device.File] with { Vm = vm });
        }
    }

    private static void Evaluate(SyscallFrame frame, Vm vm)
    {
        bool noncoherent = vm.Vfio!.Files.Exists(file => !EnforcesCoherency(frame.State, file));
        if (noncoherent != vm.Vfio.Noncoherent)
        {
            frame.Live.Add(new NoncoherentDma(vm.IdIn(frame.Process), noncoherent));
            frame.NoncoherentCounts.Add(noncoherent ? 1 : 0);
        }

        frame.Set(vm with { Vfio = vm.Vfio with { Noncoherent = noncoherent } });
    }

    /// <summary>IOMMU_CAP_ENFORCE_CACHE_COHERENCY of the device, or of every device of the group; a device without IOMMU has no capability.</summary>
    private static bool EnforcesCoherency(ProcessState state, OpenFile file) => file switch
    {
        VfioGroupFile group => Array.TrueForAll(state.DevicesOf(group.Group, state.VfioGroups[group.Group].NoIommu), device => device.Unit is { EnforceSnoop: true }),
        VfioDeviceFile device => state.DeviceFiles[device.File].Device.Unit is { EnforceSnoop: true },
        _ => true,
    };
}
