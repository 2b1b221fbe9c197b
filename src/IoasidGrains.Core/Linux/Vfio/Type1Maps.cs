// VFIO_IOMMU_MAP_DMA (drivers/vfio/vfio_iommu_type1.c, vfio_dma_do_map); used by Type1Ioctls.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Memory is pinned by MAP, whatever devices do: what cannot be pinned is refused here.</summary>
internal static class Type1Maps
{
    private const uint Readable = LinuxFlags.VFIO_DMA_MAP_FLAG_READ, Writable = LinuxFlags.VFIO_DMA_MAP_FLAG_WRITE, SetVaddr = LinuxFlags.VFIO_DMA_MAP_FLAG_VADDR;

    public static Errno Map(SyscallFrame frame, Container container, VfioIommuType1DmaMap map)
    {
        Type1 type1 = container.Type1!;
        Errno errno = Check(type1, map, out Area? known);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (known is not null)
        {
            MappingNote note = type1.NoteOf(known) with { VaddrInvalid = false };
            frame.Set(container with { Type1 = type1.With(known, note) with { InvalidVaddrs = type1.InvalidVaddrs - 1 } });
            return Errno.OK;
        }

        errno = Pin(frame, type1, map, out ulong counted);
        if (errno != Errno.OK)
        {
            return errno;
        }

        var range = new IovaRange(map.Iova, map.Iova + (map.Size - 1));
        var area = new Area(range, frame.Address(map.Vaddr), (DmaAccess)(map.Flags & (Readable | Writable)));
        type1 = type1.With(area) with { Locked = type1.Locked + counted };
        frame.Set(container with { Type1 = type1.With(area, default(MappingNote) with { Uncounted = (map.Size - counted) / Quantity.PageSize }) });
        frame.Live.Add(new SpaceMapped(type1.Space, area));
        return Errno.OK;
    }

    /// <param name="known">With the flag VADDR: the mapping whose address is valid again.</param>
    private static Errno Check(Type1 type1, VfioIommuType1DmaMap map, out Area? known)
    {
        known = null;
        bool setsVaddr = (map.Flags & SetVaddr) != 0;
        bool hasAccess = (map.Flags & (Readable | Writable)) != 0;
        ulong last = unchecked(map.Iova + map.Size - 1);
        if (hasAccess == setsVaddr || map.Size == 0 || ((map.Size | map.Iova | map.Vaddr) & (type1.PageSize - 1)) != 0
            || last < map.Iova || unchecked(map.Vaddr + map.Size - 1) < map.Vaddr)
        {
            return Errno.EINVAL;
        }

        Area? found = type1.Find(map.Iova, map.Size);
        if (setsVaddr)
        {
            known = found;
            return found is null ? Errno.ENOENT
                : !type1.NoteOf(found).VaddrInvalid || found.Range != new IovaRange(map.Iova, last) ? Errno.EINVAL
                : Errno.OK;
        }

        // The last page of all is never found: the kernel would link a second mapping there.
        var range = new IovaRange(map.Iova, last);
        return found is not null || type1.Areas.AnyOverlaps(range) ? Errno.EEXIST
            : type1.Available == 0 ? Errno.ENOSPC
            : !type1.Windows.IsEmpty && !type1.Windows.Any(window => window.Contains(range)) ? Errno.EINVAL
            : Errno.OK;
    }

    /// <summary>
    /// Pages are pinned one after the other: the limit counts if it is reached before a page that cannot be pinned. A region of a device can be mapped, and counts
    /// nothing. CAP_IPC_LOCK is above the limit.
    /// </summary>
    private static Errno Pin(SyscallFrame frame, Type1 type1, VfioIommuType1DmaMap map, out ulong counted)
    {
        (ulong pinned, counted) = RegionMappings.Pin(frame, map.Vaddr, map.Size, (map.Flags & Writable) != 0);
        ulong before = frame.State.Containers.Values.Aggregate(0UL, (sum, container) => sum + (container.Type1?.Locked ?? 0));
        ulong limit = frame.State.Options.LockedLimit & Type1.AnyPageSize;
        bool isPastLimit = !frame.State.Options.Privileged && counted > 0 && (before > limit || counted > limit - before);
        return isPastLimit ? Errno.ENOMEM
            : pinned < map.Size ? Errno.EFAULT
            : type1.TracksDirty && !Type1Dirty.CanTrack(type1, map.Size) ? Errno.EINVAL
            : Errno.OK;
    }
}
