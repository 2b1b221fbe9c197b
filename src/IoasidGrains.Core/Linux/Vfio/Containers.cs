// /dev/vfio/vfio: containers and the choice of their IOMMU driver (drivers/vfio/container.c); used by Syscalls and VfioGroups.
using System.Collections.Immutable;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Only with a group in it can a container choose a driver; with the last group the driver goes, and all mappings with it.</summary>
internal static class Containers
{
    private const long ApiVersion = LinuxFlags.VFIO_API_VERSION;

    public static long Open(SyscallFrame frame)
    {
        var container = new Container(frame.NextNumber(), FileOpen: true, NoIommu: false);
        frame.Set(container);
        return frame.Install(new ContainerFile(container.Number));
    }

    /// <summary>Its groups keep it.</summary>
    public static void CloseFile(SyscallFrame frame, int number)
    {
        frame.Set(frame.State.Containers[number] with { FileOpen = false });
        DropUnused(frame, number);
    }

    public static long Ioctl(SyscallFrame frame, int number, uint code, ulong argument)
    {
        Container container = frame.State.Containers[number];
        return code switch
        {
            IoctlCodes.VFIO_GET_API_VERSION => ApiVersion,
            IoctlCodes.VFIO_CHECK_EXTENSION => CheckExtension(frame.State, container, argument),
            IoctlCodes.VFIO_SET_IOMMU => SetIommu(frame, container, argument).AsResult(),
            _ => container.Driver switch
            {
                ContainerDriver.Type1 => Type1Ioctls.Ioctl(frame, container, code, argument).AsResult(),
                ContainerDriver.NoIommu => Errno.ENOTTY.AsResult(),
                _ => Errno.EINVAL.AsResult(),
            },
        };
    }

    /// <summary>VFIO_GROUP_SET_CONTAINER: the group's DMA is owned from here on, all its devices are blocked until they are on a table.</summary>
    public static Errno AddGroup(SyscallFrame frame, GroupId id, int number)
    {
        VfioGroup group = frame.State.VfioGroups[id];
        Container container = frame.State.Containers[number];
        bool mixes = !container.Groups.IsEmpty && container.NoIommu != group.NoIommu;
        if ((group.NoIommu && !frame.State.Options.Privileged) || mixes || (!group.NoIommu && frame.State.DmaOwners.ContainsKey(id)))
        {
            return Errno.EPERM;
        }

        Own(frame, group, number);
        if (container.Driver == ContainerDriver.Type1)
        {
            Errno errno = Type1Groups.Attach(frame, container.Type1!, id, out Type1 type1);
            if (errno != Errno.OK)
            {
                Disown(frame, group);
                return errno;
            }

            container = container with { Type1 = type1 };
        }

        frame.Set(container with { NoIommu = group.NoIommu, Groups = container.Groups.Insert(0, id) });
        frame.Set(group with { Container = number, OpenDevices = 0 });
        return Errno.OK;
    }

    /// <summary>VFIO_GROUP_UNSET_CONTAINER, or the end of the group's file.</summary>
    public static void RemoveGroup(SyscallFrame frame, GroupId id)
    {
        VfioGroup group = frame.State.VfioGroups[id];
        Container container = frame.State.Containers[group.Container!.Value];
        if (container.Type1 is { } type1)
        {
            container = container with { Type1 = Type1Groups.Detach(frame, type1, id) };
        }

        Disown(frame, group);
        container = container with { Groups = container.Groups.Remove(id) };
        frame.Set(container.Groups.IsEmpty ? container with { Driver = ContainerDriver.None, Type1 = null } : container);
        frame.Set(group with { Container = null });
        DropUnused(frame, container.Number);
    }

    private static void DropUnused(SyscallFrame frame, int number)
    {
        if (frame.State.Containers[number] is { FileOpen: false, Groups.IsEmpty: true })
        {
            frame.State = frame.State with { Containers = frame.State.Containers.Remove(number) };
        }
    }

    private static void Own(SyscallFrame frame, VfioGroup group, int number)
    {
        if (!group.NoIommu)
        {
            frame.State = frame.State with { DmaOwners = frame.State.DmaOwners.Add(group.Id, new DmaOwner(number, 1)) };
            frame.Live.AddRange(frame.State.DevicesOf(group.Id).Select(device => new DeviceHeld(device)));
        }
    }

    private static void Disown(SyscallFrame frame, VfioGroup group)
    {
        if (!group.NoIommu)
        {
            frame.Live.AddRange(frame.State.DevicesOf(group.Id).Select(device => new DeviceFreed(device.Id)));
            frame.State = frame.State with { DmaOwners = frame.State.DmaOwners.Remove(group.Id) };
        }
    }

    /// <summary>Without a driver, the first that knows the extension answers; a container with groups asks only those that its groups may use.</summary>
    private static long CheckExtension(ProcessState state, Container container, ulong extension)
    {
        bool noIommu = state.Options.NoIommu && extension == Type1.NoIommuExtension;
        bool isEmpty = container.Groups.IsEmpty;
        return container.Driver switch
        {
            ContainerDriver.Type1 => container.Type1!.CheckExtension(extension),
            ContainerDriver.NoIommu => noIommu ? 1 : 0,
            _ when (isEmpty || !container.NoIommu) && Type1.Supports(extension) => 1,
            _ => (isEmpty || container.NoIommu) && noIommu ? 1 : 0,
        };
    }

    private static Errno SetIommu(SyscallFrame frame, Container container, ulong type)
    {
        if (container.Groups.IsEmpty || container.Driver != ContainerDriver.None)
        {
            return Errno.EINVAL;
        }

        if (!container.NoIommu)
        {
            return Type1.Supports(type) ? SetType1(frame, container, type) : Errno.ENODEV;
        }

        if (!frame.State.Options.NoIommu || type != Type1.NoIommuExtension)
        {
            return Errno.ENODEV;
        }

        if (!frame.State.Options.Privileged)
        {
            return Errno.EPERM;
        }

        frame.Set(container with { Driver = ContainerDriver.NoIommu });
        return Errno.OK;
    }

    /// <summary>All groups are attached, the last one first; if one is refused, those before it are let go again.</summary>
    private static Errno SetType1(SyscallFrame frame, Container container, ulong type)
    {
        if (!Type1.IsType(type))
        {
            return Errno.EINVAL;
        }

        Type1 type1 = Type1.New(frame.NextNumber(), type, frame.State.Options.ContainerMappings);
        List<GroupId> attached = [];
        foreach (GroupId id in container.Groups)
        {
            Errno errno = Type1Groups.Attach(frame, type1, id, out type1);
            if (errno != Errno.OK)
            {
                attached.Reverse();
                attached.Aggregate(type1, (left, other) => Type1Groups.Detach(frame, left, other));
                return errno;
            }

            attached.Add(id);
        }

        frame.Set(container with { Driver = ContainerDriver.Type1, Type1 = type1 });
        return Errno.OK;
    }
}
