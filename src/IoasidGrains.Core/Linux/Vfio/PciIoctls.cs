// The ioctls of vfio-pci, which a device file passes on once it has access (drivers/vfio/pci/vfio_pci_core.c); used by DeviceFiles.
using System.Runtime.InteropServices;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Interrupts are never raised here: their arguments are checked, and what would connect an eventfd finds none.</summary>
internal static class PciIoctls
{
    private const uint IsPci = LinuxFlags.VFIO_DEVICE_FLAGS_PCI, CanReset = LinuxFlags.VFIO_DEVICE_FLAGS_RESET;
    private const uint DataNone = LinuxFlags.VFIO_IRQ_SET_DATA_NONE, DataBool = LinuxFlags.VFIO_IRQ_SET_DATA_BOOL,
        DataEventfd = LinuxFlags.VFIO_IRQ_SET_DATA_EVENTFD, DataMask = 7, FlagsMask = 0x3f;
    private const uint IoeventfdSizeMask = LinuxFlags.VFIO_DEVICE_IOEVENTFD_SIZE_MASK;

    public static Errno Ioctl(SyscallFrame frame, OpenedDevice device, uint code, ulong argument) => code switch
    {
        IoctlCodes.VFIO_DEVICE_GET_INFO => Info(frame, argument),
        IoctlCodes.VFIO_DEVICE_GET_REGION_INFO => PciRegions.Info(frame, argument),
        IoctlCodes.VFIO_DEVICE_GET_IRQ_INFO => PciRegions.InterruptInfo(frame, argument),
        IoctlCodes.VFIO_DEVICE_SET_IRQS => SetInterrupts(frame, argument),
        IoctlCodes.VFIO_DEVICE_RESET => Errno.OK,
        IoctlCodes.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO => HotResetInfo(frame, argument),
        IoctlCodes.VFIO_DEVICE_PCI_HOT_RESET => HotReset(frame, device, argument),
        IoctlCodes.VFIO_DEVICE_IOEVENTFD => Ioeventfd(frame, argument),
        _ => Errno.ENOTTY,
    };

    private static Errno Info(SyscallFrame frame, ulong argument)
    {
        const int shortest = 16;
        Span<byte> bytes = stackalloc byte[Marshal.SizeOf<VfioDeviceInfo>()];
        if (!frame.TryRead(argument, bytes[..shortest]))
        {
            return Errno.EFAULT;
        }

        uint argsz = MemoryMarshal.Read<uint>(bytes);
        if (argsz < shortest)
        {
            return Errno.EINVAL;
        }

        var info = new VfioDeviceInfo { Argsz = argsz, Flags = IsPci | CanReset, NumRegions = PciRegions.Regions, NumIrqs = PciRegions.Interrupts };
        MemoryMarshal.Write(bytes, in info);
        return frame.TryWrite(argument, bytes[..(int)Math.Min(argsz, (uint)bytes.Length)]) ? Errno.OK : Errno.EFAULT;
    }

    /// <summary>struct vfio_irq_set: argsz, flags, index, start, count, and data of the kind that flags name.</summary>
    private static Errno SetInterrupts(SyscallFrame frame, ulong argument)
    {
        Span<uint> set = stackalloc uint[5];
        if (!frame.TryRead(argument, MemoryMarshal.AsBytes(set)))
        {
            return Errno.EFAULT;
        }

        (uint argsz, uint flags, uint index, uint start, uint count) = (set[0], set[1], set[2], set[3], set[4]);
        if (argsz < 20 || index >= PciRegions.Interrupts || count >= uint.MaxValue - start || (flags & ~FlagsMask) != 0)
        {
            return Errno.EINVAL;
        }

        uint each = (flags & DataMask) switch { DataNone => 0U, DataBool => 1U, DataEventfd => 4U, _ => uint.MaxValue };
        uint there = PciRegions.CountOf(index);
        if (start >= there || start + count > there || each == uint.MaxValue || argsz - 20 < (ulong)count * each)
        {
            return Errno.EINVAL;
        }

        Span<byte> given = stackalloc byte[(int)(count * each)];
        return !frame.TryRead(argument + 20, given) ? Errno.EFAULT
            : each != 4 || count == 0 || MemoryMarshal.Read<int>(given) < 0 ? Errno.OK
            : frame.State.Files.ContainsKey(MemoryMarshal.Read<int>(given)) ? Errno.EINVAL : Errno.EBADF;
    }

    /// <summary>The devices are on the root bus, which cannot be reset.</summary>
    private static Errno HotResetInfo(SyscallFrame frame, ulong argument)
    {
        Span<uint> header = stackalloc uint[3];
        return !frame.TryRead(argument, MemoryMarshal.AsBytes(header)) ? Errno.EFAULT : header[0] < 12 ? Errno.EINVAL : Errno.ENODEV;
    }

    /// <summary>The array of groups is empty exactly if the device was opened through its own node.</summary>
    private static Errno HotReset(SyscallFrame frame, OpenedDevice device, ulong argument)
    {
        Span<uint> header = stackalloc uint[3];
        return !frame.TryRead(argument, MemoryMarshal.AsBytes(header)) ? Errno.EFAULT
            : header[0] < 12 || header[1] != 0 || header[2] != 0 == device.ByCdev ? Errno.EINVAL
            : Errno.ENODEV;
    }

    /// <summary>struct vfio_device_ioeventfd: argsz, flags, offset, data, fd.</summary>
    private static Errno Ioeventfd(SyscallFrame frame, ulong argument)
    {
        Span<byte> bytes = stackalloc byte[28];
        if (!frame.TryRead(argument, bytes))
        {
            return Errno.EFAULT;
        }

        (uint argsz, uint flags, int file) = (MemoryMarshal.Read<uint>(bytes), MemoryMarshal.Read<uint>(bytes[4..]), MemoryMarshal.Read<int>(bytes[24..]));
        return argsz < 28 || (flags & ~IoeventfdSizeMask) != 0 || !uint.IsPow2(flags) || file < -1 ? Errno.EINVAL
            : file == -1 ? Errno.ENODEV
            : frame.State.Files.ContainsKey(file) ? Errno.EINVAL : Errno.EBADF;
    }
}
