// Mapping, copying and unmapping in an address space, with what the kernel leaves behind when it fails. Used by iommufd's ioctls and by VFIO's old ones.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>A piece of user memory that is to be mapped.</summary>
public readonly record struct PagesSlice(UserPages Pages, ulong Offset, ulong Length);

/// <summary>Changes the areas of an IOAS.</summary>
public static class Mapping
{
    public static DmaAccess AccessOf(uint flags, uint write, uint read) =>
        ((flags & write) != 0 ? DmaAccess.Write : DmaAccess.None) | ((flags & read) != 0 ? DmaAccess.Read : DmaAccess.None);

    /// <summary>Maps user memory.</summary>
    /// <param name="choose">The IOVA is chosen.</param>
    public static Errno MapUser(IommufdCall call, uint ioas, ref ulong iova, ulong address, ulong length, DmaAccess access, bool choose)
    {
        if (length == 0 || length > ulong.MaxValue - Quantity.PageSize)
        {
            return Errno.EINVAL;
        }

        if (address > ulong.MaxValue - length)
        {
            return Errno.EOVERFLOW;
        }

        ulong start = address & ~(Quantity.PageSize - 1);
        var pages = new UserPages(call.Frame.NextNumber(), start, length + (address - start), access.HasFlag(DmaAccess.Write), call.Context.ChargesProcess);
        return Map(call, ioas, [new PagesSlice(pages, address - start, length)], length, ref iova, access, choose);
    }

    /// <summary>The pages under a range that is wholly mapped.</summary>
    public static Errno PagesUnder(Ioas ioas, ulong iova, ulong length, out List<PagesSlice> slices)
    {
        slices = [];
        if (length == 0)
        {
            return Errno.EINVAL;
        }

        if (!IovaRange.TryCreate(iova, length, out IovaRange range))
        {
            return Errno.EOVERFLOW;
        }

        List<IoArea> parts = PartsOf(ioas.Pages, range, out bool whole);
        foreach (IoArea part in parts)
        {
            slices.Add(new PagesSlice(part.Pages, part.Offset, part.Range.Length));
        }

        return whole ? Errno.OK : Errno.ENOENT;
    }

    /// <summary>The areas of a range, cut to it; up to the first hole.</summary>
    public static List<IoArea> PartsOf(IoPages pages, IovaRange range, out bool whole)
    {
        List<IoArea> parts = [];
        ulong next = range.Start;
        for (int index = pages.FirstEndingAtOrAfter(range.Start); index < pages.Areas.Count && pages.Areas[index].Range.Start <= next; index++)
        {
            IoArea area = pages.Areas[index];
            ulong last = Math.Min(area.Range.Last, range.Last);
            parts.Add(area.Cut(next, last));
            if (last == range.Last)
            {
                whole = true;
                return parts;
            }

            next = last + 1;
        }

        whole = false;
        return parts;
    }

    /// <summary>Maps pieces one behind the other. All or nothing.</summary>
    public static Errno Map(IommufdCall call, uint id, List<PagesSlice> slices, ulong length, ref ulong iova, DmaAccess access, bool choose)
    {
        Ioas ioas = call.Context.Find<Ioas>(id)!;
        IoPages pages = ioas.Pages;
        if ((length & (pages.Alignment - 1)) != 0 || length == 0)
        {
            return Errno.EINVAL;
        }

        ulong place = iova;
        Errno errno = choose ? pages.Choose(slices[0].Pages.Start + slices[0].Offset, length, out place) : pages.Check(place, length);
        if (errno != Errno.OK)
        {
            return errno;
        }

        List<IoArea> added = [];
        ulong next = place;
        foreach (PagesSlice slice in slices)
        {
            if (access.HasFlag(DmaAccess.Write) && !slice.Pages.Writable)
            {
                return Errno.EPERM;
            }

            if ((slice.Offset % Quantity.PageSize & (pages.Alignment - 1)) != 0)
            {
                return Errno.EINVAL;
            }

            added.Add(new IoArea(new IovaRange(next, next + (slice.Length - 1)), slice.Pages, slice.Offset, access));
            next += slice.Length;
        }

        Ioas changed = ioas with { Pages = added.Aggregate(pages, (all, area) => all.Add(area)) };
        errno = ioas.Tables.IsEmpty ? Errno.OK : Pinning.Check(call, changed, added);
        if (errno != Errno.OK)
        {
            return errno;
        }

        call.Context = call.Context.With(changed);
        Tell(call, changed, added);
        iova = place;
        return Errno.OK;
    }

    /// <summary>What was removed stays removed when a later area stops it.</summary>
    /// <param name="removed">Bytes; also when it fails.</param>
    public static Errno Unmap(IommufdCall call, uint id, IovaRange range, out ulong removed)
    {
        removed = 0;
        Errno errno = Errno.ENOENT;
        List<IovaRange> gone = [];
        Ioas ioas = call.Context.Find<Ioas>(id)!;
        IoPages pages = ioas.Pages;
        while (pages.FirstIn(range) is { } area)
        {
            if (!range.Contains(area.Range))
            {
                break;
            }

            pages = pages.Remove(area);
            removed += area.Range.Length;
            gone.Add(area.Range);
        }

        bool stopped = pages.FirstIn(range) is not null;
        errno = removed > 0 && !stopped ? Errno.OK : Errno.ENOENT;
        if (gone.Count > 0)
        {
            call.Context = gone.Aggregate(call.Context, (context, one) => KernelAccesses.LetGo(context, id, one)).With(ioas with { Pages = pages });
            call.Context = MockTables.Forget(call.Context, ioas, gone);
            call.Frame.Live.Add(new SpaceUnmapped(ioas.Space, [.. gone]));
        }

        return errno;
    }

    public static Errno UnmapAll(IommufdCall call, uint id, out ulong removed)
    {
        Errno errno = Unmap(call, id, new IovaRange(0, ulong.MaxValue), out removed);
        return errno == Errno.ENOENT && removed == 0 ? Errno.OK : errno;
    }

    /// <summary>Cuts the area that an IOVA is in behind it, as VFIO's first version may.</summary>
    public static Errno CutBehind(IommufdCall call, uint id, ulong iova)
    {
        Ioas ioas = call.Context.Find<Ioas>(id)!;
        if (ioas.Pages.FirstIn(new IovaRange(iova, iova)) is not { } area || iova == area.Range.Start || iova == area.Range.Last)
        {
            return Errno.OK;
        }

        ulong start = iova + 1;
        if (((start | (area.Offset + (start - area.Range.Start))) & (ioas.Pages.Alignment - 1)) != 0
            || KernelAccesses.Pins(call.Context, id, area.Range) || (!ioas.Tables.IsEmpty && !ioas.Pages.LargePagesDisabled))
        {
            return Errno.EINVAL;
        }

        IoArea left = area.Cut(area.Range.Start, iova), right = area.Cut(start, area.Range.Last);
        call.Context = call.Context.With(ioas with { Pages = ioas.Pages.Remove(area).Add(left).Add(right) });
        call.Frame.Live.Add(new SpaceUnmapped(ioas.Space, [area.Range]));
        Tell(call, ioas, [left, right]);
        return Errno.OK;
    }

    private static void Tell(IommufdCall call, Ioas ioas, IEnumerable<IoArea> added)
    {
        if (call.Context.TablesOf(ioas.Id).Any(table => !table.Maker.IsMock))
        {
            call.Frame.Live.AddRange(LiveDevices.Lower(call.Frame, added).Select(area => new SpaceMapped(ioas.Space, area)));
        }
    }
}
