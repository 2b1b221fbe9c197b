// Which user memory can be pinned, and who pays for it. Used wherever an area gets a table or a pin.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>Memory is pinned while a table maps it or a kernel access holds it; the same pages of one MAP are charged once, also for their copies.</summary>
public static class Pinning
{
    /// <summary>OK, or why these areas of an address space as it will be, which then has a table, cannot be filled: EFAULT, EINVAL, ENOMEM.</summary>
    public static Errno Check(IommufdCall call, Ioas changed, IEnumerable<IoArea> areas) => Check(call, call.Context.With(changed), changed.Id, areas);

    /// <summary>OK, or why a kernel access cannot pin these areas. The context is as it will be.</summary>
    public static Errno CheckAccess(IommufdCall call, IommufdContext after, IEnumerable<IoArea> areas) => Check(call, after, 0, areas);

    /// <summary>Everything that is pinned for the iommufds of a process: an area, or a part of one, for each table's or access's sake.</summary>
    public static IEnumerable<IoArea> PinnedBy(ProcessState state) => PinnedBy(state, 0, 0);

    /// <summary>The page of user memory is among the area's.</summary>
    public static bool Covers(IoArea area, ulong page) => FirstPage(area) <= page && page <= LastByte(area);

    /// <summary>The page that an area's first byte is in.</summary>
    public static ulong FirstPage(IoArea area) => area.Address & ~(Quantity.PageSize - 1);

    /// <summary>The last byte of the page that an area's last byte is in.</summary>
    public static ulong LastByte(IoArea area) => (area.Address + area.Range.Length - 1) | (Quantity.PageSize - 1);

    private static Errno Check(IommufdCall call, IommufdContext after, uint filled, IEnumerable<IoArea> areas)
    {
        PagingHwpt[] tables = [.. after.TablesOf(filled)];
        foreach (IoArea area in areas)
        {
            ulong first = FirstPage(area), last = LastByte(area);
            if (!call.Frame.CanPin(first, last - first + 1, area.Pages.Writable) || IsRegion(call.Frame.State, first, last))
            {
                return Errno.EFAULT;
            }

            if (!Array.TrueForAll(tables, table => table.Maps(area.Access)))
            {
                return Errno.EINVAL;
            }
        }

        ProcessOptions options = call.Frame.State.Options;
        if (options.Privileged || options.LockedLimit == ulong.MaxValue)
        {
            return Errno.OK;
        }

        ProcessState state = call.Frame.State with { Contexts = call.Frame.State.Contexts.SetItem(after.Number, after) };
        ulong limit = options.LockedLimit / Quantity.PageSize;
        IoArea[] pinned = [.. PinnedBy(state, filled, after.Number)];
        return LockedPages(pinned, true) > limit || LockedPages(pinned, false) > limit ? Errno.ENOMEM : Errno.OK;
    }

    /// <summary>A device's registers are not memory that iommufd pins.</summary>
    private static bool IsRegion(ProcessState state, ulong first, ulong last) => state.Regions.Values.Any(region => region.Start <= last && first <= region.Last);

    /// <param name="filled">An address space that is about to be filled, in the context of this number.</param>
    private static IEnumerable<IoArea> PinnedBy(ProcessState state, uint filled, int number) => state.Contexts.Values.SelectMany(
        context => context.Objects.Values.OfType<Ioas>().SelectMany(
            ioas => !ioas.Tables.IsEmpty || (context.Number == number && ioas.Id == filled) ? ioas.Pages.Areas : KernelAccesses.PinnedOf(context, ioas)));

    private static ulong LockedPages(IEnumerable<IoArea> pinned, bool process)
    {
        ulong total = 0;
        foreach (IGrouping<int, IoArea> group in pinned.Where(area => area.Pages.ChargesProcess == process).GroupBy(area => area.Pages.Number))
        {
            ulong next = 0;
            foreach ((ulong first, ulong last) in group.Select(area => (area.Offset / Quantity.PageSize, (area.Offset + area.Range.Length - 1) / Quantity.PageSize)).Order())
            {
                ulong from = Math.Max(first, next);
                total += last >= from ? last - from + 1 : 0;
                next = Math.Max(next, last + 1);
            }
        }

        return total;
    }
}
