// VFIO_IOMMU_UNMAP_DMA (drivers/vfio/vfio_iommu_type1.c, vfio_dma_do_unmap); used by Type1Ioctls.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Version 2 refuses to cut a mapping; version 1 removes every mapping whose beginning is in the range, and stops at one that begins before it.</summary>
internal static class Type1Unmaps
{
    /// <param name="unmapped">Bytes that were unmapped.</param>
    public static Errno Unmap(SyscallFrame frame, Container container, VfioIommuType1DmaUnmap unmap, VfioBitmap bitmap, out ulong unmapped)
    {
        unmapped = 0;
        Type1 type1 = container.Type1!;
        bool all = (unmap.Flags & Type1Ioctls.UnmapEverything) != 0;
        if (!IsRangeValid(type1, unmap, all))
        {
            return Errno.EINVAL;
        }

        ulong size = all ? ulong.MaxValue : unmap.Size;
        bool wantsBitmap = (unmap.Flags & Type1Ioctls.UnmapDirtyBitmap) != 0;
        if ((wantsBitmap && (!type1.TracksDirty || bitmap.Pgsize != type1.PageSize)) || (type1.V2 && !all && Cuts(type1, unmap.Iova, size)))
        {
            return Errno.EINVAL;
        }

        Area[] areas = Chosen(type1, unmap.Iova, size);
        if ((unmap.Flags & Type1Ioctls.UnmapVaddr) != 0)
        {
            return Invalidate(frame, container, areas, out unmapped);
        }

        List<Area> removed = [];
        Errno errno = Errno.OK;
        foreach (Area area in areas)
        {
            errno = wantsBitmap ? Type1Dirty.Tell(frame, type1, area, unmap.Iova, bitmap.Data, out _) : Errno.OK;
            if (errno != Errno.OK)
            {
                break;
            }

            removed.Add(area);
            unmapped += area.Range.Length;
        }

        Remove(frame, container, removed);
        return errno;
    }

    /// <summary>A range that begins inside a mapping, or ends inside one.</summary>
    public static bool Cuts(Type1 type1, ulong iova, ulong size)
    {
        ulong last = unchecked(iova + size - 1);
        return (type1.Find(iova, 1) is { } first && first.Range.Start != iova) || (type1.Find(last, 0) is { } end && end.Range.Last != last);
    }

    private static bool IsRangeValid(Type1 type1, VfioIommuType1DmaUnmap unmap, bool all)
    {
        ulong inPage = type1.PageSize - 1;
        return (unmap.Iova & inPage) == 0
            && (all ? unmap is { Iova: 0, Size: 0 } : unmap.Size != 0 && (unmap.Size & inPage) == 0 && unchecked(unmap.Iova + unmap.Size - 1) >= unmap.Iova);
    }

    private static Area[] Chosen(Type1 type1, ulong iova, ulong size)
    {
        ulong end = unchecked(iova + size);
        return [.. type1.From(iova, size).TakeWhile(area => area.Range.Start < end && (type1.V2 || iova <= area.Range.Start))];
    }

    /// <summary>All or nothing: one that is invalid already makes all valid that were not.</summary>
    private static Errno Invalidate(SyscallFrame frame, Container container, Area[] areas, out ulong unmapped)
    {
        Type1 type1 = container.Type1!;
        unmapped = 0;
        if (Array.Exists(areas, area => type1.NoteOf(area).VaddrInvalid))
        {
            return Errno.EINVAL;
        }

        foreach (Area area in areas)
        {
            unmapped += area.Range.Length;
            type1 = type1.With(area, type1.NoteOf(area) with { VaddrInvalid = true });
        }

        frame.Set(container with { Type1 = type1 with { InvalidVaddrs = type1.InvalidVaddrs + areas.Length } });
        return Errno.OK;
    }

    private static void Remove(SyscallFrame frame, Container container, List<Area> areas)
    {
        Type1 type1 = container.Type1!;
        if (areas.Count == 0)
        {
            return;
        }

        foreach (Area area in areas)
        {
            MappingNote note = type1.NoteOf(area);
            type1 = type1.With(area, default) with
            {
                InvalidVaddrs = type1.InvalidVaddrs - (note.VaddrInvalid ? 1 : 0),
                Locked = type1.Locked - (area.Range.Length - (note.Uncounted * Quantity.PageSize)),
            };
        }

        AreaMap left = areas.Count == type1.Areas.Count ? AreaMap.Empty : areas.Aggregate(type1.Areas, (map, area) => map.Remove(area.Range));
        frame.Set(container with { Type1 = type1 with { Areas = left, Available = type1.Available + areas.Count } });
        frame.Live.Add(new SpaceUnmapped(type1.Space, [.. areas.Select(area => area.Range)]));
    }
}
