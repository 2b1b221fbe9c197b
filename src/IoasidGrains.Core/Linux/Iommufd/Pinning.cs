// Which user memory can be pinned, and who pays for it. Used wherever an area gets a table or a pin.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>Memory is pinned while a table maps it or a kernel access holds it; the same pages of one MAP are charged once, also for their copies.</summary>
public static class Pinning
{
    /// <summary>OK, or why these areas of an address space as it will be cannot be filled: EFAULT, ENOMEM.</summary>
    public static Errno Check(IommufdCall call, Ioas changed, IEnumerable<IoArea> areas)
    {
        foreach (IoArea area in areas)
        {
            ulong first = area.Address & ~(Quantity.PageSize - 1), last = (area.Address + area.Range.Length - 1) | (Quantity.PageSize - 1);
            if (!call.Frame.CanPin(first, last - first + 1, area.Pages.Writable) || IsRegion(call.Frame.State, first, last))
            {
                return Errno.EFAULT;
            }
        }

        ProcessOptions options = call.Frame.State.Options;
        if (options.Privileged || options.LockedLimit == ulong.MaxValue)
        {
            return Errno.OK;
        }

        IommufdContext context = call.Context.With(changed);
        ProcessState after = call.Frame.State with { Contexts = call.Frame.State.Contexts.SetItem(context.Number, context) };
        ulong limit = options.LockedLimit / Quantity.PageSize;
        return LockedPages(after, changed.Id, context.Number, true) > limit || LockedPages(after, changed.Id, context.Number, false) > limit ? Errno.ENOMEM : Errno.OK;
    }

    /// <summary>A device's registers are not memory that iommufd pins.</summary>
    private static bool IsRegion(ProcessState state, ulong first, ulong last) => state.Regions.Values.Any(region => region.Start <= last && first <= region.Last);

    /// <param name="filled">An address space that is about to be filled.</param>
    private static ulong LockedPages(ProcessState state, uint filled, int number, bool process)
    {
        IEnumerable<IoArea> pinned = state.Contexts.Values.SelectMany(context => context.Objects.Values.OfType<Ioas>()
            .SelectMany(ioas => !ioas.Tables.IsEmpty || (context.Number == number && ioas.Id == filled) ? ioas.Pages.Areas : KernelAccesses.PinnedOf(context, ioas)));
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
