// A device's file: from /dev/vfio/devices or from its group (drivers/vfio/device_cdev.c, vfio_main.c); used by Syscalls.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Nothing but BIND_IOMMUFD is answered until the file has access to its device.</summary>
internal static class DeviceFiles
{
    /// <summary>The node of a device can be opened any number of times; only one of the files can be bound.</summary>
    public static long OpenCdev(SyscallFrame frame, DeviceFacts device)
    {
        var file = new DeviceFile(frame.NextNumber(), device, FromGroup: false, HasAccess: false, References: 1);
        frame.Set(file);
        return frame.Install(new VfioDeviceFile(file.Number));
    }

    public static long Ioctl(SyscallFrame frame, int number, uint code, ulong argument)
    {
        DeviceFile file = frame.State.DeviceFiles[number];
        return code switch
        {
            IoctlCodes.VFIO_DEVICE_BIND_IOMMUFD => Bind(frame, file, argument).AsResult(),
            _ when !file.HasAccess => Errno.EINVAL.AsResult(),
            IoctlCodes.VFIO_DEVICE_ATTACH_IOMMUFD_PT when !file.FromGroup => Attach(frame, file, argument).AsResult(),
            IoctlCodes.VFIO_DEVICE_DETACH_IOMMUFD_PT when !file.FromGroup => Detach(frame, file, argument).AsResult(),
            IoctlCodes.VFIO_DEVICE_FEATURE => PciFeatures.Feature(frame, argument).AsResult(),
            _ => PciIoctls.Ioctl(frame, frame.State.OpenedDevices[file.Device.Id], code, argument).AsResult(),
        };
    }

    /// <summary>Reads from the beginning of BAR 0; nobody is told the bytes.</summary>
    public static long Read(SyscallFrame frame, int number, ulong length) =>
        frame.State.DeviceFiles[number].HasAccess ? (long)Math.Min(length, PciRegions.BarBytes) : Errno.EINVAL.AsResult();

    public static long Mmap(SyscallFrame frame, int number, SysMmap mmap)
    {
        if (!frame.State.DeviceFiles[number].HasAccess || !PciRegions.CanMap(mmap.Offset, mmap.Length))
        {
            return Errno.EINVAL.AsResult();
        }

        RegionMappings.Map(frame, number, new UserRegion(mmap.At, mmap.At + (mmap.Length - 1), Writable: true));
        return (long)mmap.At;
    }

    /// <summary>The last reference is gone: the file gives up its access.</summary>
    public static void Release(SyscallFrame frame, int number)
    {
        DeviceFile file = frame.State.DeviceFiles[number];
        frame.State = frame.State with { DeviceFiles = frame.State.DeviceFiles.Remove(number) };
        if (!file.HasAccess)
        {
            return;
        }

        OpenedDevices.Close(frame, file.Device.Id);
        if (!file.FromGroup)
        {
            VfioClaims.ReleaseCdev(frame, file.Device, lastOfGroup: !VfioGroups.IsBlocked(frame.State, file.Device.Traits.Group));
        }
    }

    private static Errno Bind(SyscallFrame frame, DeviceFile file, ulong argument)
    {
        if (!frame.TryRead(argument, out VfioDeviceBindIommufd bind))
        {
            return Errno.EFAULT;
        }

        if (bind.Argsz < 16 || bind.Flags != 0 || bind.Iommufd < 0 || file.FromGroup)
        {
            return Errno.EINVAL;
        }

        if (frame.State.VfioGroups.ContainsKey(file.Device.Traits.Group))
        {
            return Errno.EBUSY;
        }

        if (file.HasAccess)
        {
            return Errno.EINVAL;
        }

        return !frame.State.Files.TryGetValue(bind.Iommufd, out OpenFile? other) ? Errno.EBADF
            : other is IommufdFile iommufd ? Bind(frame, file, iommufd.Context, argument, bind)
            : Errno.EBADFD;
    }

    private static Errno Bind(SyscallFrame frame, DeviceFile file, int context, ulong argument, VfioDeviceBindIommufd bind)
    {
        Errno errno = OpenedDevices.Open(frame, file.Device, byCdev: true, context, file.Vm);
        if (errno != Errno.OK)
        {
            return errno;
        }

        bind.OutDevid = frame.State.OpenedDevices[file.Device.Id].Bound!.Value;
        if (!frame.TryWrite(argument, in bind))
        {
            OpenedDevices.Close(frame, file.Device.Id);
            return Errno.EFAULT;
        }

        VfioClaims.TakeCdev(frame, file.Device);
        frame.Set(file with { HasAccess = true });
        return Errno.OK;
    }

    private static Errno Attach(SyscallFrame frame, DeviceFile file, ulong argument)
    {
        if (!frame.TryRead(argument, out VfioDeviceAttachIommufdPt attach))
        {
            return Errno.EFAULT;
        }

        if (attach.Argsz < 12 || attach.Flags != 0)
        {
            return Errno.EINVAL;
        }

        Errno errno = OpenedDevices.Attach(frame, file.Device.Id, ref attach.PtId);
        if (errno == Errno.OK && !frame.TryWrite(argument, in attach))
        {
            OpenedDevices.Detach(frame, file.Device.Id);
            return Errno.EFAULT;
        }

        return errno;
    }

    private static Errno Detach(SyscallFrame frame, DeviceFile file, ulong argument)
    {
        if (!frame.TryRead(argument, out VfioDeviceDetachIommufdPt detach))
        {
            return Errno.EFAULT;
        }

        if (detach.Argsz < 8 || detach.Flags != 0)
        {
            return Errno.EINVAL;
        }

        OpenedDevices.Detach(frame, file.Device.Id);
        return Errno.OK;
    }
}
