// The regions and interrupts of a device as vfio-pci shows them: a config space and one BAR; used by device files.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Every device here is a PCI Express function with BAR 0, one MSI and no ROM (drivers/vfio/pci).</summary>
internal static class PciRegions
{
    public const ulong BarBytes = 1 << 20;

    public const uint Regions = LinuxFlags.VFIO_PCI_NUM_REGIONS, Interrupts = LinuxFlags.VFIO_PCI_NUM_IRQS;

    /// <summary>A region's number stands in the upper bits of a file offset.</summary>
    private const int RegionShift = 40;

    private const uint Bar0 = LinuxFlags.VFIO_PCI_BAR0_REGION_INDEX, Rom = LinuxFlags.VFIO_PCI_ROM_REGION_INDEX, Config = LinuxFlags.VFIO_PCI_CONFIG_REGION_INDEX,
        Vga = LinuxFlags.VFIO_PCI_VGA_REGION_INDEX;
    private const uint Intx = LinuxFlags.VFIO_PCI_INTX_IRQ_INDEX, Msi = LinuxFlags.VFIO_PCI_MSI_IRQ_INDEX, Err = LinuxFlags.VFIO_PCI_ERR_IRQ_INDEX,
        Req = LinuxFlags.VFIO_PCI_REQ_IRQ_INDEX;
    private const uint Readable = LinuxFlags.VFIO_REGION_INFO_FLAG_READ, Writable = LinuxFlags.VFIO_REGION_INFO_FLAG_WRITE,
        Mappable = LinuxFlags.VFIO_REGION_INFO_FLAG_MMAP;
    private const uint Eventfd = LinuxFlags.VFIO_IRQ_INFO_EVENTFD, Maskable = LinuxFlags.VFIO_IRQ_INFO_MASKABLE, Automasked = LinuxFlags.VFIO_IRQ_INFO_AUTOMASKED,
        NoResize = LinuxFlags.VFIO_IRQ_INFO_NORESIZE;
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
