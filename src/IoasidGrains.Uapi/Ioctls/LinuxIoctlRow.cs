// One row of the table of Linux's ioctls.
namespace IoasidGrains.Uapi;

/// <summary>The kinds of file of a process that answer ioctls.</summary>
public enum LinuxFile
{
    /// <summary><c>/dev/iommu</c>.</summary>
    Iommufd,

    /// <summary><c>/dev/vfio/vfio</c>.</summary>
    Container,

    /// <summary><c>/dev/vfio/GROUP</c>.</summary>
    Group,

    /// <summary>A device's file, from its group or from <c>/dev/vfio/devices</c>.</summary>
    Device,

    /// <summary><c>/dev/kvm</c>.</summary>
    Kvm,

    /// <summary>A VM.</summary>
    Vm,

    /// <summary>The kvm-vfio device of a VM.</summary>
    KvmVfio,
}

/// <summary>One ioctl on one kind of file. Its struct is bytes; what a flow writes for them is in the flow language's own tables.</summary>
/// <param name="Name">Its macro; the same macro on two kinds of file has two rows.</param>
/// <param name="Code">Its number; the same number on two kinds of file may be two ioctls.</param>
/// <param name="Source">The file of the kernel whose answers are given.</param>
public sealed record LinuxIoctlRow(string Name, uint Code, LinuxFile On, IoctlStatus Status, string Source)
{
    public string Dialect => On switch
    {
        LinuxFile.Iommufd => "iommufd",
        LinuxFile.Container or LinuxFile.Group or LinuxFile.Device => "vfio",
        _ => "kvm-vfio",
    };

    /// <summary>The kind of file, in a word.</summary>
    public string File => On == LinuxFile.KvmVfio ? "kvm-vfio" : On.ToString().ToLowerInvariant();
}
