// /dev/vfio/GROUP: its file and ioctls (drivers/vfio/group.c); used by Syscalls.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>A group is put into a container or an iommufd, and then gives out files of its devices.</summary>
internal static class VfioGroups
{
    private const uint Viable = LinuxFlags.VFIO_GROUP_FLAGS_VIABLE, ContainerSet = LinuxFlags.VFIO_GROUP_FLAGS_CONTAINER_SET;

    /// <summary>One file at a time, and none while a device of it is bound through its own node.</summary>
    public static long Open(SyscallFrame frame, GroupId id, bool noIommu)
    {
        Errno errno = noIommu && !frame.State.Options.Privileged ? Errno.EPERM
            : IsBlocked(frame.State, id) || frame.State.VfioGroups.ContainsKey(id) ? Errno.EBUSY
            : Errno.OK;
        if (errno != Errno.OK)
        {
            return errno.AsResult();
        }

        VfioClaims.TakeGroupFile(frame, id);
        frame.Set(new VfioGroup(id, noIommu, References: 1));
        return frame.Install(new VfioGroupFile(id));
    }

    /// <summary>Some device of it is bound through its own node.</summary>
    public static bool IsBlocked(ProcessState state, GroupId id) => state.OpenedDevices.Values.Any(device => device.ByCdev && device.Device.Traits.Group == id);

    public static long Ioctl(SyscallFrame frame, GroupId id, uint code, ulong argument) => code switch
    {
        IoctlCodes.VFIO_GROUP_GET_DEVICE_FD => GroupDevices.GetFile(frame, id, argument),
        IoctlCodes.VFIO_GROUP_GET_STATUS => GetStatus(frame, id, argument),
        IoctlCodes.VFIO_GROUP_SET_CONTAINER => SetContainer(frame, id, argument).AsResult(),
        IoctlCodes.VFIO_GROUP_UNSET_CONTAINER => UnsetContainer(frame, id).AsResult(),
        _ => Errno.ENOTTY.AsResult(),
    };

    /// <summary>The last reference is gone. A device that was opened through an iommufd stays open without it.</summary>
    public static void Release(SyscallFrame frame, GroupId id)
    {
        if (frame.State.VfioGroups[id].Container is not null)
        {
            Containers.RemoveGroup(frame, id);
        }

        int? iommufd = frame.State.VfioGroups[id].Iommufd;
        frame.State = frame.State with { VfioGroups = frame.State.VfioGroups.Remove(id) };
        VfioClaims.ReleaseGroupFile(frame, id);
        if (iommufd is { } context)
        {
            Iommufd.PutContext(frame, context);
        }
    }

    private static long GetStatus(SyscallFrame frame, GroupId id, ulong argument)
    {
        if (!frame.TryRead(argument, out VfioGroupStatus status))
        {
            return Errno.EFAULT.AsResult();
        }

        if (status.Argsz < 8)
        {
            return Errno.EINVAL.AsResult();
        }

        status.Flags = frame.State.VfioGroups[id].HasIommu ? Viable | ContainerSet : frame.State.DmaOwners.ContainsKey(id) ? 0 : Viable;
        return frame.TryWrite(argument, in status) ? 0 : Errno.EFAULT.AsResult();
    }

    private static Errno SetContainer(SyscallFrame frame, GroupId id, ulong argument)
    {
        if (!frame.TryRead(argument, out int number))
        {
            return Errno.EFAULT;
        }

        if (!frame.State.Files.TryGetValue(number, out OpenFile? file))
        {
            return Errno.EBADF;
        }

        return frame.State.VfioGroups[id].HasIommu ? Errno.EINVAL : file switch
        {
            ContainerFile container => Containers.AddGroup(frame, id, container.Container),
            IommufdFile iommufd => SetIommufd(frame, frame.State.VfioGroups[id], iommufd.Context),
            _ => Errno.EBADFD,
        };
    }

    private static Errno SetIommufd(SyscallFrame frame, VfioGroup group, int context)
    {
        Errno errno = group.NoIommu ? IommufdDevices.SetNoIommu(frame, context) : IommufdDevices.CreateCompatIoas(frame, context);
        if (errno == Errno.OK)
        {
            frame.Set(group with { Iommufd = context });
        }

        return errno;
    }

    /// <summary>Devices that are open keep a container; an iommufd lets the group go and keeps the devices.</summary>
    private static Errno UnsetContainer(SyscallFrame frame, GroupId id)
    {
        VfioGroup group = frame.State.VfioGroups[id];
        if (!group.HasIommu)
        {
            return Errno.EINVAL;
        }

        if (group.Iommufd is { } context)
        {
            frame.Set(group with { Iommufd = null });
            Iommufd.PutContext(frame, context);
            return Errno.OK;
        }

        if (group.OpenDevices > 0)
        {
            return Errno.EBUSY;
        }

        Containers.RemoveGroup(frame, id);
        return Errno.OK;
    }
}
