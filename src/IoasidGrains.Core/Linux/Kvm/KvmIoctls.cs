// /dev/kvm and a VM's file, as far as kvm-vfio needs them (virt/kvm/kvm_main.c); used by Syscalls.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>VMs without memory or CPUs: they exist to have a kvm-vfio device.</summary>
internal static class KvmIoctls
{
    private const uint GetVcpuMmapSize = 0xae04;
    private const long ApiVersion = LinuxFlags.KVM_API_VERSION, VcpuMmapBytes = 3 * 4096;
    private const ulong CapUserMemory = LinuxFlags.KVM_CAP_USER_MEMORY, CapDeviceControl = LinuxFlags.KVM_CAP_DEVICE_CTRL,
        CapCheckExtensionVm = LinuxFlags.KVM_CAP_CHECK_EXTENSION_VM;
    private const uint DeviceTypeVfio = LinuxFlags.KVM_DEV_TYPE_VFIO, TestOnly = LinuxFlags.KVM_CREATE_DEVICE_TEST;

    public static long OfSystem(SyscallFrame frame, uint code, ulong argument) => code switch
    {
        IoctlCodes.KVM_GET_API_VERSION => argument == 0 ? ApiVersion : Errno.EINVAL.AsResult(),
        IoctlCodes.KVM_CREATE_VM => argument == 0 ? CreateVm(frame) : Errno.EINVAL.AsResult(),
        IoctlCodes.KVM_CHECK_EXTENSION => CheckExtension(argument),
        GetVcpuMmapSize => argument == 0 ? VcpuMmapBytes : Errno.EINVAL.AsResult(),
        _ => Errno.EINVAL.AsResult(),
    };

    public static long OfVm(SyscallFrame frame, int vm, uint code, ulong argument) => code switch
    {
        IoctlCodes.KVM_CREATE_DEVICE => CreateDevice(frame, vm, argument).AsResult(),
        IoctlCodes.KVM_CHECK_EXTENSION => CheckExtension(argument),
        _ => Errno.ENOTTY.AsResult(),
    };

    /// <summary>Its kvm-vfio device keeps the VM.</summary>
    public static void CloseVm(SyscallFrame frame, int number) => SetOrDrop(frame, frame.State.Vms[number] with { FileOpen = false });

    public static void SetOrDrop(SyscallFrame frame, Vm vm)
    {
        if (vm is { FileOpen: false, Vfio: null })
        {
            frame.State = frame.State with { Vms = frame.State.Vms.Remove(vm.Number) };
        }
        else
        {
            frame.Set(vm);
        }
    }

    private static long CheckExtension(ulong extension) => extension is CapUserMemory or CapDeviceControl or CapCheckExtensionVm ? 1 : 0;

    private static long CreateVm(SyscallFrame frame)
    {
        var vm = new Vm(frame.NextNumber(), FileOpen: true);
        frame.Set(vm);
        return frame.Install(new VmFile(vm.Number));
    }

    /// <summary>A VM has one kvm-vfio device at a time; no other kind can be made this way.</summary>
    private static Errno CreateDevice(SyscallFrame frame, int number, ulong argument)
    {
        if (!frame.TryRead(argument, out KvmCreateDevice create))
        {
            return Errno.EFAULT;
        }

        if (create.Type != DeviceTypeVfio)
        {
            return Errno.ENODEV;
        }

        if ((create.Flags & TestOnly) == 0)
        {
            Vm vm = frame.State.Vms[number];
            if (vm.Vfio is not null)
            {
                return Errno.EBUSY;
            }

            frame.Set(vm with { Vfio = KvmVfio.New });
            create.Fd = (uint)frame.Install(new KvmVfioFile(number));
        }

        return frame.TryWrite(argument, in create) ? Errno.OK : Errno.EFAULT;
    }
}
