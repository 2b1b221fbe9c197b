// The ioctls of a container whose driver is type1 (drivers/vfio/vfio_iommu_type1.c); used by Containers.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Reads and checks the structs; what they ask for is done by the files beside this one.</summary>
internal static class Type1Ioctls
{
    public const uint UnmapDirtyBitmap = LinuxFlags.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, UnmapEverything = LinuxFlags.VFIO_DMA_UNMAP_FLAG_ALL,
        UnmapVaddr = LinuxFlags.VFIO_DMA_UNMAP_FLAG_VADDR;
    private const uint MapFlags = 7, UnmapFlags = 7;
    private const uint MapBytes = 32, UnmapBytes = 24, BitmapBytes = 24;

    public static Errno Ioctl(SyscallFrame frame, Container container, uint code, ulong argument) => code switch
    {
        IoctlCodes.VFIO_IOMMU_GET_INFO => Type1Info.Get(frame, container.Type1!, argument),
        IoctlCodes.VFIO_IOMMU_MAP_DMA => Map(frame, container, argument),
        IoctlCodes.VFIO_IOMMU_UNMAP_DMA => Unmap(frame, container, argument),
        IoctlCodes.VFIO_IOMMU_DIRTY_PAGES => Type1Dirty.DirtyPages(frame, container, argument),
        _ => Errno.ENOTTY,
    };

    private static Errno Map(SyscallFrame frame, Container container, ulong argument)
    {
        if (!frame.TryRead(argument, out VfioIommuType1DmaMap map))
        {
            return Errno.EFAULT;
        }

        return map.Argsz < MapBytes || (map.Flags & ~MapFlags) != 0 ? Errno.EINVAL : Type1Maps.Map(frame, container, map);
    }

    /// <summary>The size is told only if the call succeeds.</summary>
    private static Errno Unmap(SyscallFrame frame, Container container, ulong argument)
    {
        if (!frame.TryRead(argument, out VfioIommuType1DmaUnmap unmap))
        {
            return Errno.EFAULT;
        }

        bool wantsBitmap = (unmap.Flags & UnmapDirtyBitmap) != 0;
        if (unmap.Argsz < UnmapBytes || (unmap.Flags & ~UnmapFlags) != 0 || (wantsBitmap && (unmap.Flags & (UnmapEverything | UnmapVaddr)) != 0))
        {
            return Errno.EINVAL;
        }

        VfioBitmap bitmap = default;
        if (wantsBitmap)
        {
            if (unmap.Argsz < UnmapBytes + BitmapBytes)
            {
                return Errno.EINVAL;
            }

            if (!frame.TryRead(argument + UnmapBytes, out bitmap))
            {
                return Errno.EFAULT;
            }

            if (!Type1Dirty.IsBitmapFor(bitmap, unmap.Size))
            {
                return Errno.EINVAL;
            }
        }

        Errno errno = Type1Unmaps.Unmap(frame, container, unmap, bitmap, out unmap.Size);
        return errno != Errno.OK ? errno : frame.TryWrite(argument, in unmap) ? Errno.OK : Errno.EFAULT;
    }
}
