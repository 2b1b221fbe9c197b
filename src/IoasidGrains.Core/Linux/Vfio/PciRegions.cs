// The regions and interrupts of a device as vfio-pci shows them: a config space and one BAR; used by device files.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Every device here is a PCI Express function with BAR 0, one MSI and no ROM (drivers/vfio/pci).</summary>
internal static class PciRegions
{
    public const ulong BarBytes = 1 << 20;

    public const uint Regions = 9, Interrupts = 5;

    /// <summary>A region's number stands in the upper bits of a file offset.</summary>
    private const int RegionShift = 40;

    private const uint Bar0 = 0, Rom = 6, Config = 7, Vga = 8;
    private const uint Intx = 0, Msi = 1, Err = 3, Req = 4;
    private const uint Readable = 1, Writable = 2, Mappable = 4;
    private const uint Eventfd = 1, Maskable = 2, Automasked = 4, NoResize = 8;
    private const ulong ConfigBytes = 4096;

    /// <summary>The offset names a piece of the BAR.</summary>
    public static bool CanMap(ulong offset, ulong length)
    {
        ulong start = offset & ((1UL << RegionShift) - 1);
        return offset >> RegionShift == Bar0 && start <= BarBytes && length <= BarBytes - start;
    }

    public static Errno Info(SyscallFrame frame, ulong argument)
    {
        if (!frame.TryRead(argument, out VfioRegionInfo info))
        {
            return Errno.EFAULT;
        }

        if (info.Argsz < 32 || info.Index >= Vga)
        {
            return Errno.EINVAL;
        }

        info.Offset = (ulong)info.Index << RegionShift;
        (info.Size, info.Flags) = info.Index switch
        {
            Config => (ConfigBytes, Readable | Writable),
            Bar0 => (BarBytes, Readable | Writable | Mappable),
            <= Rom => (0UL, 0U),
            _ => (0UL, 0U),
        };
        return frame.TryWrite(argument, in info) ? Errno.OK : Errno.EFAULT;
    }

    public static Errno InterruptInfo(SyscallFrame frame, ulong argument)
    {
        if (!frame.TryRead(argument, out VfioIrqInfo info))
        {
            return Errno.EFAULT;
        }

        if (info.Argsz < 16 || info.Index >= Interrupts)
        {
            return Errno.EINVAL;
        }

        info.Flags = Eventfd | (info.Index == Intx ? Maskable | Automasked : NoResize);
        info.Count = CountOf(info.Index);
        return frame.TryWrite(argument, in info) ? Errno.OK : Errno.EFAULT;
    }

    /// <summary>How many interrupts of a kind there are.</summary>
    public static uint CountOf(uint index) => index is Intx or Msi or Err or Req ? 1U : 0U;
}
