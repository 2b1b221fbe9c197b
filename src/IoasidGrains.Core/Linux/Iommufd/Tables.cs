// Making, filling and dropping page tables of an address space. Used by HWPT_ALLOC and by every attach.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Decides in the order of hw_pagetable.c and io_pagetable.c.</summary>
public static class Tables
{
    public const uint NestParent = LinuxFlags.IOMMU_HWPT_ALLOC_NEST_PARENT, DirtyTracking = LinuxFlags.IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
        FaultIdValid = LinuxFlags.IOMMU_HWPT_FAULT_ID_VALID;

    /// <summary>OK, or why a driver makes no such table.</summary>
    public static Errno CheckFlags(DomainFacts driver, uint flags, bool hasData)
    {
        if ((flags != 0 || hasData) && !driver.TakesFlags)
        {
            return Errno.EOPNOTSUPP;
        }

        bool known = (flags & ~(NestParent | DirtyTracking)) == 0;
        bool able = ((flags & DirtyTracking) == 0 || driver.Dirty) && ((flags & NestParent) == 0 || driver.Nesting);
        return known && able && !hasData ? Errno.OK : Errno.EOPNOTSUPP;
    }

    /// <summary>Makes a table and fills it with all that is mapped.</summary>
    /// <param name="attach">The device is attached before it is filled, as drivers need it that finish a table then.</param>
    public static Errno Make(IommufdCall call, uint ioas, IommufdDevice device, uint flags, bool enforce, bool auto, bool attach, out uint id)
    {
        IommufdContext before = call.Context;
        id = before.FreeId;
        var table = new PagingHwpt(id, call.Frame.NextNumber(), ioas, device.Domain, auto, enforce)
        {
            NestParent = (flags & NestParent) != 0, TracksDirty = (flags & DirtyTracking) != 0,
        };
        call.Context = before.With(table);
        Errno errno = attach ? Attaching.Attach(call, device, id) : Errno.OK;
        errno = errno == Errno.OK ? Fill(call, call.Context.Find<Ioas>(ioas)!, table, finished: attach || !device.Domain.FinishedByAttach) : errno;
        if (errno != Errno.OK)
        {
            call.Context = before;
        }

        return errno;
    }

    /// <summary>Drops a table that nothing uses.</summary>
    public static IommufdContext Drop(IommufdContext context, PagingHwpt table)
    {
        Ioas ioas = context.Find<Ioas>(table.Ioas)!;
        IoPages pages = ioas.Pages.Unreserve(OwnerOf(table.Id));
        ioas = ioas with { Tables = ioas.Tables.Remove(table.Id), Pages = pages };
        context = context.Without(table.Id);
        return context.With(ioas with { Pages = pages with { Alignment = AlignmentOf(context, ioas) } });
    }

    /// <summary>An automatic table goes with its last user, if the policy lets it.</summary>
    public static IommufdContext Put(IommufdContext context, uint id, bool dropsEmpty) =>
        context.Find<PagingHwpt>(id) is { Auto: true } table && dropsEmpty && !context.IsUsed(table) ? Drop(context, table) : context;

    public static ulong AlignmentOf(IommufdContext context, Ioas ioas)
    {
        ulong alignment = ioas.Pages.LargePagesDisabled ? Quantity.PageSize : 1;
        alignment = ioas.Tables.Select(table => ((PagingHwpt)context.Objects[table]).Maker.SmallestPage).Append(alignment).Max();
        return KernelAccesses.Of(context, ioas.Id).Select(access => access.Alignment).Append(alignment).Max();
    }

    public static string OwnerOf(uint table) => $"table {table}";

    private static Errno Fill(IommufdCall call, Ioas ioas, PagingHwpt table, bool finished)
    {
        IoPages? pages = ioas.Pages;
        ulong alignment = Math.Max(table.Maker.SmallestPage, pages.Alignment);
        if (alignment > Quantity.PageSize)
        {
            return Errno.EINVAL;
        }

        if (alignment != pages.Alignment && !pages.Fits(alignment))
        {
            return Errno.EADDRINUSE;
        }

        IovaRange aperture = finished ? table.Maker.Aperture : new IovaRange(0, 0);
        pages = aperture.Start == 0 ? pages : pages.Reserve(new IovaRange(0, aperture.Start - 1), OwnerOf(table.Id));
        pages = aperture.Last == ulong.MaxValue ? pages : pages?.Reserve(new IovaRange(aperture.Last + 1, ulong.MaxValue), OwnerOf(table.Id));
        if (pages is null)
        {
            return Errno.EADDRINUSE;
        }

        Ioas changed = ioas with { Pages = pages with { Alignment = alignment }, Tables = ioas.Tables.Add(table.Id) };
        Errno errno = Pinning.Check(call, changed, pages.Areas);
        call.Context = errno == Errno.OK ? call.Context.With(changed) : call.Context;
        return errno;
    }
}
