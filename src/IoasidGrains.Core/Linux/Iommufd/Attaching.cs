// Attaching devices to tables: the group's one table, the ranges that devices reserve, replacing. Used by VFIO and by the self test.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>Decides in the order of device.c. What fails has changed nothing.</summary>
public static class Attaching
{
    /// <summary>To a table. Only the first of a group attaches it; the others follow.</summary>
    public static Errno Attach(IommufdCall call, IommufdDevice device, uint hwpt)
    {
        IommufdContext before = call.Context;
        IommufdGroup group = before.GroupOf(device);
        if (group.Table != 0 && group.Table != hwpt)
        {
            return Errno.EINVAL;
        }

        if (Reserve(before, device, hwpt) is not { } reserved)
        {
            return Errno.EADDRINUSE;
        }

        if (group.Attached.IsEmpty && CheckDriver(before, device, hwpt) is var errno && errno != Errno.OK)
        {
            return errno;
        }

        call.Context = reserved with { Groups = reserved.Groups.SetItem(device.Group, new IommufdGroup(hwpt, group.Attached.Add(device.Id))) };
        return Errno.OK;
    }

    /// <summary>The whole group goes to another table.</summary>
    public static Errno Replace(IommufdCall call, IommufdDevice device, uint hwpt)
    {
        IommufdContext context = call.Context;
        IommufdGroup group = context.GroupOf(device);
        if (!group.Attached.Contains(device.Id))
        {
            return Errno.EINVAL;
        }

        if (group.Table == hwpt)
        {
            return Errno.OK;
        }

        PagingHwpt? from = context.PagingOf(group.Table), to = context.PagingOf(hwpt);
        bool moves = to is not null && from?.Ioas != to.Ioas;
        foreach (IommufdDevice member in group.Attached.Select(id => context.Find<IommufdDevice>(id)!).Where(_ => moves))
        {
            if (Reserve(context, member, hwpt) is not { } reserved)
            {
                return Errno.EADDRINUSE;
            }

            context = reserved;
        }

        if (CheckDriver(context, device, hwpt) is var errno && errno != Errno.OK)
        {
            call.Context = WithoutReserved(call.Context, group, to);
            return errno;
        }

        foreach (uint member in group.Attached.Where(_ => moves && from is not null))
        {
            context = Unreserve(context, member, from!.Ioas);
        }

        uint old = group.Table;
        context = context with { Groups = context.Groups.SetItem(device.Group, group with { Table = hwpt }) };
        call.Context = Left(call, context, device, old);
        return Errno.OK;
    }

    /// <summary>
    /// A driver that refuses to replace leaves the group without its reserved ranges in the address space that it was to go to: also if that is the one it stays in
    /// (device.c, iommufd_device_do_replace, err_unresv).
    /// </summary>
    private static IommufdContext WithoutReserved(IommufdContext context, IommufdGroup group, PagingHwpt? to) =>
        to is null ? context : group.Attached.Aggregate(context, (rest, member) => Unreserve(rest, member, to.Ioas));

    /// <summary>The last of a group detaches it.</summary>
    public static void Detach(IommufdCall call, IommufdDevice device)
    {
        IommufdContext context = call.Context;
        IommufdGroup group = context.GroupOf(device);
        if (!group.Attached.Contains(device.Id))
        {
            return;
        }

        uint old = group.Table;
        if (context.PagingOf(old) is { } paging)
        {
            context = Unreserve(context, device.Id, paging.Ioas);
        }

        IommufdGroup rest = group with { Attached = group.Attached.Remove(device.Id) };
        rest = rest.Attached.IsEmpty ? IommufdGroup.Blocked : rest;
        context = context with { Groups = context.Groups.SetItem(device.Group, rest) };
        call.Context = Left(call, context, device, old);
    }

    /// <summary>To a table of an address space that the policy chooses, or to a new one.</summary>
    public static Errno AttachAutomatically(IommufdCall call, IommufdDevice device, uint ioas, bool replace, out uint hwpt)
    {
        IommufdContext context = call.Context;
        IommufdGroup group = context.GroupOf(device);
        hwpt = 0;
        if (!replace && group.Table != 0)
        {
            // Its group translates already: it can only follow.
            hwpt = group.Table;
            return context.Find<PagingHwpt>(hwpt) is { Auto: true } shared && shared.Ioas == ioas ? Attach(call, device, hwpt) : Errno.EINVAL;
        }

        PagingHwpt[] able = [.. context.TablesOf(ioas).Where(table => table.Auto && CanWalk(table, device))];
        if (context.TablesOf(ioas).Any(table => table.Auto) && CheckReserved(context, device, group, ioas, replace) is var errno && errno != Errno.OK)
        {
            return errno;
        }

        Placement place = call.Policy.Place(context, device, context.Find<Ioas>(ioas)! with { Tables = [.. able.Select(table => table.Id)] });
        if (place.Errno != Errno.OK)
        {
            return place.Errno;
        }

        PagingHwpt? found = Array.Find(able, table => table.Number == place.Table);
        call.Context = context = replace ? AfterRefusals(context, device, group, ioas, found) : context;
        if (found is not null)
        {
            hwpt = found.Id;
            call.Context = found.EnforceSnoop == place.EnforceSnoop ? call.Context : call.Context.With(found with { EnforceSnoop = place.EnforceSnoop });
            errno = replace ? Replace(call, device, hwpt) : Attach(call, device, hwpt);
            call.Context = errno == Errno.OK ? call.Context : context;
            return errno;
        }

        errno = Tables.Make(call, ioas, device, 0, place.EnforceSnoop, auto: true, attach: !replace, out hwpt);
        if (errno == Errno.OK && replace)
        {
            errno = Replace(call, device, hwpt);
            call.Context = errno == Errno.OK ? call.Context : Tables.Drop(call.Context, call.Context.Find<PagingHwpt>(hwpt)!);
        }

        return errno;
    }

    /// <summary>The tables before the group's own, or before the one that was found, were tried too, and the driver has refused them.</summary>
    private static IommufdContext AfterRefusals(IommufdContext context, IommufdDevice device, IommufdGroup group, uint ioas, PagingHwpt? found)
    {
        PagingHwpt? first = context.TablesOf(ioas).FirstOrDefault(table => table.Auto);
        bool refused = first is not null && first.Id != group.Table && first.Id != found?.Id && CheckDriver(context, device, first.Id) != Errno.OK;
        return refused ? WithoutReserved(context, group, first) : context;
    }

    /// <summary>Every table that is tried first would reserve the device's ranges.</summary>
    private static Errno CheckReserved(IommufdContext context, IommufdDevice device, IommufdGroup group, uint ioas, bool replace)
    {
        if (replace && context.PagingOf(group.Table)?.Ioas == ioas)
        {
            return Errno.OK;
        }

        IEnumerable<IommufdDevice> members = replace ? group.Attached.Select(id => context.Find<IommufdDevice>(id)!) : [device];
        IoPages pages = context.Find<Ioas>(ioas)!.Pages;
        return members.All(member => RangesOf(member).All(range => pages.Reserve(range, "") is not null)) ? Errno.OK : Errno.EADDRINUSE;
    }

    private static bool CanWalk(PagingHwpt table, IommufdDevice device) => table.Maker.Driver == device.Domain.Driver
        && table.Maker.Aperture.Last <= device.Domain.Aperture.Last && (table.Maker.WalkedPageSizes & ~device.Domain.WalkedPageSizes) == 0;

    /// <summary>OK, or why the driver refuses the table for the group.</summary>
    private static Errno CheckDriver(IommufdContext context, IommufdDevice device, uint hwpt)
    {
        PagingHwpt table = context.PagingOf(hwpt)!;
        var nested = context.Objects[hwpt] as NestedHwpt;
        if (((Hwpt)context.Objects[hwpt]).FaultQueue != 0 && !device.Domain.IsMock)
        {
            return Errno.ENODEV;
        }

        // A nested table's parent must not be wider than the unit (intel/nested.c).
        if (nested?.FirstStage is not null && table.Maker.Aperture.Last > device.Domain.Aperture.Last)
        {
            return Errno.ENODEV;
        }

        // The mock's nested tables are not asked what their parents do; VT-d's are.
        bool dirty = !table.TracksDirty || device.Domain.Dirty || (nested is not null && table.Maker.IsMock);
        bool stage = nested?.FirstStage is not { } first || first.FitsUnit(device.Facts!.Unit!);
        return CanWalk(table, device) && (!table.EnforceSnoop || device.CanEnforce) && dirty && stage ? Errno.OK : Errno.EINVAL;
    }

    private static IommufdContext? Reserve(IommufdContext context, IommufdDevice device, uint hwpt)
    {
        if (context.PagingOf(hwpt) is not { } paging)
        {
            return context;
        }

        Ioas ioas = context.Find<Ioas>(paging.Ioas)!;
        IoPages? pages = ioas.Pages;
        foreach (IovaRange range in RangesOf(device))
        {
            pages = pages?.Reserve(range, OwnerOf(device.Id));
        }

        return pages is null ? null : context.With(ioas with { Pages = pages });
    }

    private static IEnumerable<IovaRange> RangesOf(IommufdDevice device) => device.Facts is { Unit: { } unit } facts
        ? unit.Reserved.Concat(facts.Traits.Reserved).Append(Quantity.InterruptWindow) : [];

    private static IommufdContext Unreserve(IommufdContext context, uint device, uint ioas)
    {
        Ioas space = context.Find<Ioas>(ioas)!;
        return context.With(space with { Pages = space.Pages.Unreserve(OwnerOf(device)) });
    }

    private static string OwnerOf(uint device) => $"device {device}";

    /// <summary>What becomes of the table that was left.</summary>
    private static IommufdContext Left(IommufdCall call, IommufdContext context, IommufdDevice device, uint old)
    {
        SharingPolicy sharing = call.Policy.Sharing;
        context = Tables.Put(context, old, sharing.DropsEmptyTables);
        if (context.Find<PagingHwpt>(old) is { Auto: true } stays)
        {
            bool format = call.Policy.FormatAfter(context, device, stays, context.Find<Ioas>(stays.Ioas)!);
            context = format == stays.EnforceSnoop ? context : context.With(stays with { EnforceSnoop = format });
        }

        return context;
    }
}
