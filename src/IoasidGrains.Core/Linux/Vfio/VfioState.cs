// What the kernel keeps of VFIO for one process: open groups, containers, device files and opened devices; used by ProcessState.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>A group whose file is open (struct vfio_group). Only one file of it can be.</summary>
/// <param name="NoIommu">A device without IOMMU, under enable_unsafe_noiommu_mode.</param>
/// <param name="References">Who keeps the file open: its descriptor, each kvm-vfio list it is in, each device that was opened through a container.</param>
public sealed record VfioGroup(GroupId Id, bool NoIommu, int References)
{
    /// <summary>The container it was put into.</summary>
    public int? Container { get; init; }

    /// <summary>Devices that were opened while the group was in its container.</summary>
    public int OpenDevices { get; init; }

    /// <summary>The iommufd it was put into instead.</summary>
    public int? Iommufd { get; init; }

    /// <summary>The VM that kvm-vfio has announced.</summary>
    public int? Vm { get; init; }

    public bool HasIommu => Container is not null || Iommufd is not null;
}

/// <summary>A device between its first open and its last close (struct vfio_device with open_count above 0).</summary>
/// <param name="OpenCount">Device files that have access.</param>
/// <param name="ByCdev">It was opened by BIND_IOMMUFD, which blocks its group's file.</param>
/// <param name="Iommufd">The context that it was opened with; null: it was opened through a container.</param>
/// <param name="Bound">Its id in that context; null for a device without IOMMU.</param>
public sealed record OpenedDevice(DeviceFacts Device, int OpenCount, bool ByCdev, int? Iommufd, uint? Bound)
{
    /// <summary>It has a page table: attaching again replaces it.</summary>
    public bool IsAttached { get; init; }
}

/// <summary>An open file of a device (struct vfio_device_file).</summary>
/// <param name="FromGroup">It came from VFIO_GROUP_GET_DEVICE_FD, not from /dev/vfio/devices.</param>
/// <param name="HasAccess">Its ioctls reach the driver; before that, only BIND_IOMMUFD is answered.</param>
/// <param name="References">Who keeps it open: its descriptor, each kvm-vfio list it is in, each of its mappings.</param>
public sealed record DeviceFile(int Number, DeviceFacts Device, bool FromGroup, bool HasAccess, int References)
{
    /// <summary>The VM that kvm-vfio has announced.</summary>
    public int? Vm { get; init; }
}

/// <summary>Whose ioctls a container passes on.</summary>
public enum ContainerDriver
{
    /// <summary>VFIO_SET_IOMMU has not been done.</summary>
    None,

    /// <summary>vfio_iommu_type1.</summary>
    Type1,

    /// <summary>vfio-noiommu: it knows no ioctl.</summary>
    NoIommu,
}

/// <summary>An open /dev/vfio/vfio, or one that its groups keep (struct vfio_container).</summary>
/// <param name="FileOpen">Its descriptor is open.</param>
/// <param name="NoIommu">Its groups are those of devices without IOMMU.</param>
public sealed record Container(int Number, bool FileOpen, bool NoIommu)
{
    /// <summary>The group that was added last is the first: the order in which SET_IOMMU attaches them.</summary>
    public ImmutableList<GroupId> Groups { get; init; } = [];

    public ContainerDriver Driver { get; init; }

    /// <summary>What type1 keeps; null unless it is the driver.</summary>
    public Type1? Type1 { get; init; }
}

/// <summary>A region of a device that is mapped into the process.</summary>
/// <param name="File">The device file, which it keeps open.</param>
public sealed record RegionMapping(int File);
