// VFIO_GROUP_GET_DEVICE_FD: the file of a device, from its group (drivers/vfio/group.c); used by VfioGroups.
using System.Text;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>A device that is opened from its group goes where its group is: into the container, or onto the compatibility address space of the iommufd.</summary>
internal static class GroupDevices
{
    /// <summary>The longest name, with its zero.</summary>
    private const int NameBytes = 4096;

    public static long GetFile(SyscallFrame frame, GroupId id, ulong argument)
    {
        Errno errno = ReadName(frame, argument, out string name);
        if (errno == Errno.OK)
        {
            errno = Find(frame, id, name, out DeviceFacts? device);
            if (errno == Errno.OK)
            {
                return Open(frame, id, device!);
            }
        }

        return errno.AsResult();
    }

    private static Errno ReadName(SyscallFrame frame, ulong address, out string name)
    {
        name = "";
        var text = new StringBuilder();
        Span<byte> one = stackalloc byte[1];
        while (text.Length < NameBytes)
        {
            if (!frame.TryRead(address + (ulong)text.Length, one))
            {
                return Errno.EFAULT;
            }

            if (one[0] == 0)
            {
                name = text.ToString();
                return Errno.OK;
            }

            text.Append((char)one[0]);
        }

        return Errno.EINVAL;
    }

    /// <summary>
    /// vfio-pci compares the beginning: after the name and a blank there may be options, of which a device without virtual functions takes none. Another
    /// character after the name is another device.
    /// </summary>
    private static Errno Find(SyscallFrame frame, GroupId id, string wanted, out DeviceFacts? device)
    {
        device = null;
        foreach (DeviceFacts member in frame.State.DevicesOf(id, frame.State.VfioGroups[id].NoIommu))
        {
            string name = member.Id.ToString();
            if (!wanted.StartsWith(name, StringComparison.Ordinal) || (wanted.Length > name.Length && wanted[name.Length] != ' '))
            {
                continue;
            }

            device = member;
            return wanted[name.Length..].All(letter => letter == ' ') ? Errno.OK : Errno.EINVAL;
        }

        return Errno.ENODEV;
    }

    private static long Open(SyscallFrame frame, GroupId id, DeviceFacts device)
    {
        VfioGroup group = frame.State.VfioGroups[id];
        if (!group.HasIommu)
        {
            return Errno.EINVAL.AsResult();
        }

        bool isFirst = !frame.State.OpenedDevices.ContainsKey(device.Id);
        if (isFirst && group is { NoIommu: true, Iommufd: { } context } && (!frame.State.Options.Privileged || IommufdDevices.CompatIoas(frame, context, out _) == Errno.OK))
        {
            return Errno.EPERM.AsResult();
        }

        Errno errno = OpenedDevices.Open(frame, device, byCdev: false, group.Iommufd, group.Vm);
        if (errno != Errno.OK)
        {
            return errno.AsResult();
        }

        if (isFirst && group is { NoIommu: false, Iommufd: { } iommufd })
        {
            errno = AttachToCompatibility(frame, device.Id, iommufd);
            if (errno != Errno.OK)
            {
                OpenedDevices.Close(frame, device.Id);
                return errno.AsResult();
            }
        }

        var file = new DeviceFile(frame.NextNumber(), device, FromGroup: true, HasAccess: true, References: 1);
        frame.Set(file);
        return frame.Install(new VfioDeviceFile(file.Number));
    }

    /// <summary>The old calls have no way to tell which table it became.</summary>
    private static Errno AttachToCompatibility(SyscallFrame frame, DeviceId device, int context)
    {
        Errno errno = IommufdDevices.CompatIoas(frame, context, out uint ioas);
        return errno == Errno.OK ? OpenedDevices.Attach(frame, device, ref ioas) : errno;
    }
}
