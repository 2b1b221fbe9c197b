// Who keeps an open file: a descriptor, a kvm-vfio list, an opened device, a mapping; with the last of them the file is released.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>The kernel's fget and fput for the files that more than a descriptor can keep.</summary>
internal static class FileReferences
{
    /// <summary>One more keeps the VFIO file.</summary>
    public static void Get(SyscallFrame frame, OpenFile file)
    {
        if (file is VfioGroupFile { Group: var id })
        {
            VfioGroup group = frame.State.VfioGroups[id];
            frame.Set(group with { References = group.References + 1 });
        }
        else if (file is VfioDeviceFile { File: var number })
        {
            DeviceFile device = frame.State.DeviceFiles[number];
            frame.Set(device with { References = device.References + 1 });
        }
    }

    /// <summary>One less; the last one releases it.</summary>
    public static void Put(SyscallFrame frame, OpenFile file)
    {
        switch (file)
        {
            case IommufdFile or FaultFile or AccessFile:
                Iommufd.CloseFile(frame, file);
                break;
            case ContainerFile container:
                Containers.CloseFile(frame, container.Container);
                break;
            case VfioGroupFile { Group: var id }:
                VfioGroup group = frame.State.VfioGroups[id] with { References = frame.State.VfioGroups[id].References - 1 };
                frame.Set(group);
                if (group.References == 0)
                {
                    VfioGroups.Release(frame, id);
                }

                break;
            case VfioDeviceFile { File: var number }:
                DeviceFile device = frame.State.DeviceFiles[number] with { References = frame.State.DeviceFiles[number].References - 1 };
                frame.Set(device);
                if (device.References == 0)
                {
                    DeviceFiles.Release(frame, number);
                }

                break;
            case VmFile vm:
                KvmIoctls.CloseVm(frame, vm.Vm);
                break;
            case KvmVfioFile vfio:
                KvmVfioFiles.Release(frame, vfio.Vm);
                break;
        }
    }

    public static void Set(this SyscallFrame frame, VfioGroup group) => frame.State = frame.State with { VfioGroups = frame.State.VfioGroups.SetItem(group.Id, group) };

    public static void Set(this SyscallFrame frame, Container container) =>
        frame.State = frame.State with { Containers = frame.State.Containers.SetItem(container.Number, container) };

    public static void Set(this SyscallFrame frame, DeviceFile file) => frame.State = frame.State with { DeviceFiles = frame.State.DeviceFiles.SetItem(file.Number, file) };

    public static void Set(this SyscallFrame frame, OpenedDevice device) =>
        frame.State = frame.State with { OpenedDevices = frame.State.OpenedDevices.SetItem(device.Device.Id, device) };

    public static void Set(this SyscallFrame frame, Vm vm) => frame.State = frame.State with { Vms = frame.State.Vms.SetItem(vm.Number, vm) };
}
