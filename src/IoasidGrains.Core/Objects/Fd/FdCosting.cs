// What a change of an fd's records costs; a pure function, so that costs follow from the log.
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Counts leaf entries, tables, conversions and invalidations, as the objects below will do the work.</summary>
public static class FdCosting
{
    /// <summary>The costs after one more change.</summary>
    public static FdCosts Add(FdState before, Change change) => change switch
    {
        AreaMapped mapped => before.Spent with { PtesWritten = before.Spent.PtesWritten + Leaves(before.Ioasids[mapped.Number], mapped.Area) },
        AreasUnmapped unmapped => before.Spent with { Invalidations = before.Spent.Invalidations + before.AttachedTo(unmapped.Number).Count() },
        DeviceAttached attached => Attach(before, attached),
        DeviceDetached detached => Detach(before, detached),
        _ => before.Spent,
    };

    /// <summary>All counters, with what the records show at this moment.</summary>
    public static FdCosts Of(FdState fd) => fd.Spent with { PagesPinnedTwice = (long)(PinnedTwice(fd) / Quantity.PageSize) };

    private static FdCosts Attach(FdState before, DeviceAttached attached)
    {
        IoasidEntry ioasid = before.Ioasids[attached.Number];
        FdCosts spent = before.Spent;
        return !ioasid.Tables.TryGetValue(attached.Table, out TableSpec? table)
            ? spent with
            {
                TablesMade = spent.TablesMade + 1,
                PtesWritten = spent.PtesWritten + Leaves(ioasid, before.Devices[attached.Device].Unit.PageSizes),
            }
            : table.EnforceSnoop == attached.EnforceSnoop ? spent : Convert(before, ioasid, table);
    }

    private static FdCosts Detach(FdState before, DeviceDetached detached)
    {
        BoundDevice device = before.Devices[detached.Device];
        IoasidEntry ioasid = before.Ioasids[device.Place!.Number];
        TableSpec table = ioasid.Tables[device.Place.Table];
        FdCosts spent = detached.DropsTable || table.EnforceSnoop == detached.EnforceSnoop ? before.Spent : Convert(before, ioasid, table, leaving: 1);
        return spent with { Invalidations = spent.Invalidations + 1 };
    }

    private static FdCosts Convert(FdState before, IoasidEntry ioasid, TableSpec table, int leaving = 0) => before.Spent with
    {
        Conversions = before.Spent.Conversions + 1,
        PtesWritten = before.Spent.PtesWritten + Leaves(ioasid, table.PageSizes),
        Invalidations = before.Spent.Invalidations + before.AttachedTo(ioasid.Number).Count(device => device.Place!.Table == table.Index) - leaving,
    };

    private static long Leaves(IoasidEntry ioasid, Area area) => ioasid.Tables.Values.Sum(table => Leaves(area, table.PageSizes));

    private static long Leaves(IoasidEntry ioasid, ulong pageSizes) => ioasid.Areas.All.Sum(area => Leaves(area, pageSizes));

    private static long Leaves(Area area, ulong pageSizes) => DensePageTable.LeavesNeeded(area.Range, area.Memory.Offset, pageSizes);

    /// <summary>Bytes of user memory that more than one mapping of the fd pins, counted once for every mapping after the first. Registered memory is pinned once.</summary>
    private static ulong PinnedTwice(FdState fd)
    {
        Area[] pinned = [.. fd.Ioasids.Values.SelectMany(ioasid => ioasid.Areas.All)
            .Where(area => !fd.Registered.Exists(memory => memory.Contains(area.Memory, area.Range.Length)))
            .OrderBy(area => area.Memory.Memory.Key, StringComparer.Ordinal).ThenBy(area => area.Memory.Offset)];
        (ulong twice, ulong end, string? memory) = (0, 0, null);
        foreach (Area area in pinned)
        {
            end = area.Memory.Memory.Key == memory ? end : 0;
            memory = area.Memory.Memory.Key;
            ulong last = area.Memory.Offset + area.Range.Length;
            twice += Math.Min(end, last) - Math.Min(Math.Min(end, last), area.Memory.Offset);
            end = Math.Max(end, last);
        }

        return twice;
    }
}
