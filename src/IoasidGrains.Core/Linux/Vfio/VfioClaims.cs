// What of VFIO is exclusive among the processes of a host, as names that the store grants; used by groups and device files.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>
/// Within a process the state says what is taken. Who owns the DMA of a group is claimed where the changes of a call are lowered; this is about files.
/// </summary>
internal static class VfioClaims
{
    /// <summary>One file of a group at a time, and none while a member is bound through its own node.</summary>
    public static void TakeGroupFile(SyscallFrame frame, GroupId group)
    {
        frame.Demand(new Claim(ClaimKind.RequireFree, CdevName(group)), Errno.EBUSY);
        frame.Demand(new Claim(ClaimKind.Take, FileName(group)), Errno.EBUSY);
    }

    public static void ReleaseGroupFile(SyscallFrame frame, GroupId group) => frame.Demand(new Claim(ClaimKind.Release, FileName(group)), Errno.EIO);

    /// <summary>
    /// A device is bound through its node: not while its group's file is open (EBUSY), not twice (EINVAL), not beside another process in its group (EPERM).
    /// </summary>
    public static void TakeCdev(SyscallFrame frame, DeviceFacts device)
    {
        frame.Demand(new Claim(ClaimKind.RequireFree, FileName(device.Traits.Group)), Errno.EBUSY);
        frame.Demand(new Claim(ClaimKind.Take, OpenedName(device.Id)), Errno.EINVAL);
        frame.Demand(new Claim(ClaimKind.Take, CdevName(device.Traits.Group)), Errno.EPERM);
    }

    /// <param name="lastOfGroup">No other member of the group is bound through its node.</param>
    public static void ReleaseCdev(SyscallFrame frame, DeviceFacts device, bool lastOfGroup)
    {
        frame.Demand(new Claim(ClaimKind.Release, OpenedName(device.Id)), Errno.EIO);
        if (lastOfGroup)
        {
            frame.Demand(new Claim(ClaimKind.Release, CdevName(device.Traits.Group)), Errno.EIO);
        }
    }

    private static string FileName(GroupId group) => group.Key + "/file";

    private static string CdevName(GroupId group) => group.Key + "/cdev";

    private static string OpenedName(DeviceId device) => device.Key + "/opened";
}
