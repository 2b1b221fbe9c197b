// open(): from a path to an open file; used by Syscalls.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>The device nodes that a process finds.</summary>
internal static class Opening
{
    private const string CdevFolder = "/dev/vfio/devices/", GroupFolder = "/dev/vfio/", NoIommuPrefix = "noiommu-";

    public static long Open(SyscallFrame frame, string path) => path switch
    {
        "/dev/iommu" => OpenIommufd(frame),
        "/dev/vfio/vfio" => Containers.Open(frame),
        "/dev/kvm" => frame.Install(new KvmFile()),
        _ when After(path, CdevFolder) is { } device => OpenCdev(frame, device),
        _ when After(path, GroupFolder + NoIommuPrefix) is { } group && frame.State.Options.NoIommu => OpenGroup(frame, group, noIommu: true),
        _ when After(path, GroupFolder) is { } group => OpenGroup(frame, group, noIommu: false),
        _ => Errno.ENOENT.AsResult(),
    };

    private static string? After(string path, string prefix) => path.StartsWith(prefix, StringComparison.Ordinal) ? path[prefix.Length..] : null;

    private static long OpenIommufd(SyscallFrame frame) => frame.Install(new IommufdFile(Iommufd.Open(frame)));

    /// <summary>A device without IOMMU has no such node: iommufd could not hold it.</summary>
    private static long OpenCdev(SyscallFrame frame, string name) =>
        frame.State.Host.Values.FirstOrDefault(one => one.Unit is not null && one.Id.ToString() == name) is { } device
            ? DeviceFiles.OpenCdev(frame, device) : Errno.ENOENT.AsResult();

    private static long OpenGroup(SyscallFrame frame, string name, bool noIommu) =>
        frame.State.Host.Values.FirstOrDefault(one => one.Unit is null == noIommu && one.Traits.Group.ToString() == name) is { } member
            ? VfioGroups.Open(frame, member.Traits.Group, noIommu) : Errno.ENOENT.AsResult();
}
