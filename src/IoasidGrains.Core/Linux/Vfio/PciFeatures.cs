// VFIO_DEVICE_FEATURE of a device that cannot migrate (drivers/vfio/vfio_main.c, pci/vfio_pci_core.c); used by DeviceFiles.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Only the low-power features are there.</summary>
internal static class PciFeatures
{
    private const uint Mask = LinuxFlags.VFIO_DEVICE_FEATURE_MASK, Get = LinuxFlags.VFIO_DEVICE_FEATURE_GET, Set = LinuxFlags.VFIO_DEVICE_FEATURE_SET,
        Probe = LinuxFlags.VFIO_DEVICE_FEATURE_PROBE;
    private const uint LowPowerEntry = LinuxFlags.VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
        LowPowerEntryWithWakeup = LinuxFlags.VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP, LowPowerExit = LinuxFlags.VFIO_DEVICE_FEATURE_LOW_POWER_EXIT;

    /// <summary>struct vfio_device_feature_low_power_entry_with_wakeup: wakeup_eventfd, reserved.</summary>
    private const ulong WakeupBytes = 8;

    public static Errno Feature(SyscallFrame frame, ulong argument)
    {
        if (!frame.TryRead(argument, out VfioDeviceFeature feature))
        {
            return Errno.EFAULT;
        }

        bool isUnclear = (feature.Flags & (Get | Set | Probe)) == (Get | Set);
        if (feature.Argsz < 8 || (feature.Flags & ~(Mask | Get | Set | Probe)) != 0 || isUnclear)
        {
            return Errno.EINVAL;
        }

        return (feature.Flags & Mask) switch
        {
            LowPowerEntry or LowPowerExit => Check(feature, 0),
            LowPowerEntryWithWakeup => Check(feature, WakeupBytes) is var errno && errno == Errno.OK && (feature.Flags & Probe) == 0 ? Errno.EINVAL : errno,
            _ => Errno.ENOTTY,
        };
    }

    private static Errno Check(VfioDeviceFeature feature, ulong bytes) =>
        (feature.Flags & Get) != 0 ? Errno.EINVAL
        : (feature.Flags & Probe) != 0 ? Errno.OK
        : (feature.Flags & Set) == 0 || feature.Argsz - 8 < bytes ? Errno.EINVAL
        : Errno.OK;
}
