// The first open and the last close of a device, and its place on an iommufd (drivers/vfio/vfio_main.c, iommufd.c); used by groups and device files.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>Several files from a group share one open device; its own node allows one.</summary>
internal static class OpenedDevices
{
    /// <summary>One more file has access.</summary>
    /// <param name="iommufd">The context that the first one binds it to; null: through the container of its group.</param>
    /// <param name="vm">What kvm-vfio has announced; some drivers do not open without.</param>
    public static Errno Open(SyscallFrame frame, DeviceFacts device, bool byCdev, int? iommufd, int? vm)
    {
        if (frame.State.OpenedDevices.TryGetValue(device.Id, out OpenedDevice? opened))
        {
            if (byCdev)
            {
                return Errno.EINVAL;
            }

            frame.Set(opened with { OpenCount = opened.OpenCount + 1 });
            return Errno.OK;
        }

        uint? bound = null;
        Errno errno = iommufd is { } context ? Bind(frame, device, context, out bound) : UseContainer(frame, device);
        if (errno != Errno.OK)
        {
            return errno;
        }

        frame.Set(new OpenedDevice(device, 1, byCdev, iommufd, bound));
        errno = vm is null ? device.Traits.OpenWithoutKvm : Errno.OK;
        if (errno != Errno.OK)
        {
            Close(frame, device.Id);
        }

        return errno;
    }

    /// <summary>One file less; with the last one the device is detached and let go.</summary>
    public static void Close(SyscallFrame frame, DeviceId id)
    {
        OpenedDevice opened = frame.State.OpenedDevices[id];
        if (opened.OpenCount > 1)
        {
            frame.Set(opened with { OpenCount = opened.OpenCount - 1 });
            return;
        }

        if (opened.Iommufd is not { } context)
        {
            frame.State = frame.State with { OpenedDevices = frame.State.OpenedDevices.Remove(id) };
            UnuseContainer(frame, opened.Device.Traits.Group);
            return;
        }

        if (opened.Bound is { } bound)
        {
            Detach(frame, id);
            IommufdDevices.Unbind(frame, context, bound);
        }

        frame.State = frame.State with { OpenedDevices = frame.State.OpenedDevices.Remove(id) };
        Iommufd.PutContext(frame, context);
    }

    /// <summary>The first attach, or a replace.</summary>
    public static Errno Attach(SyscallFrame frame, DeviceId id, ref uint table)
    {
        OpenedDevice opened = frame.State.OpenedDevices[id];
        (int context, uint bound) = (opened.Iommufd!.Value, opened.Bound!.Value);
        Errno errno = opened.IsAttached ? IommufdDevices.Replace(frame, context, bound, ref table) : IommufdDevices.Attach(frame, context, bound, ref table);
        if (errno == Errno.OK)
        {
            frame.Set(opened with { IsAttached = true });
        }

        return errno;
    }

    /// <summary>No-op for a device that is not attached.</summary>
    public static void Detach(SyscallFrame frame, DeviceId id)
    {
        OpenedDevice opened = frame.State.OpenedDevices[id];
        if (opened.IsAttached)
        {
            IommufdDevices.Detach(frame, opened.Iommufd!.Value, opened.Bound!.Value);
            frame.Set(opened with { IsAttached = false });
        }
    }

    private static Errno Bind(SyscallFrame frame, DeviceFacts device, int context, out uint? bound)
    {
        bound = null;
        if (device.Unit is null)
        {
            return Errno.OK;
        }

        Errno errno = IommufdDevices.Bind(frame, context, device, out uint id);
        bound = errno == Errno.OK ? id : null;
        return errno;
    }

    /// <summary>The container must have a driver. The device keeps the group's file open from then on.</summary>
    private static Errno UseContainer(SyscallFrame frame, DeviceFacts device)
    {
        VfioGroup group = frame.State.VfioGroups[device.Traits.Group];
        if (frame.State.Containers[group.Container!.Value].Driver == ContainerDriver.None)
        {
            return Errno.EINVAL;
        }

        if (group.NoIommu && !frame.State.Options.Privileged)
        {
            return Errno.EPERM;
        }

        frame.Set(group with { OpenDevices = group.OpenDevices + 1, References = group.References + 1 });
        return Errno.OK;
    }

    private static void UnuseContainer(SyscallFrame frame, GroupId id)
    {
        VfioGroup group = frame.State.VfioGroups[id];
        frame.Set(group with { OpenDevices = group.OpenDevices - 1 });
        FileReferences.Put(frame, new VfioGroupFile(id));
    }
}
