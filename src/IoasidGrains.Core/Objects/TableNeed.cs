// How many page-table pages an area takes: what an fd asks for before it commits, and a PageTable keeps.
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Page-table pages that one table must be able to take.</summary>
/// <param name="Filled">The table is there, with what was mapped before.</param>
public readonly record struct TableReserve(IoasidNumber Number, int Table, long Tables, bool Filled);

/// <summary>Upper bounds, in page-table pages of 4 KiB, that follow from the areas alone.</summary>
public static class TableNeed
{
    public static long Of(IoasidSpec spec, Area area) => DensePageTable.TablesNeeded(area.Range, area.Memory.Offset, spec.PageSizes);

    public static long Of(IoasidSpec spec, AreaMap areas) => areas.All.Sum(area => Of(spec, area));

    /// <summary>What the changes of one record take. Those of a process's call build on each other.</summary>
    public static TableReserve[] Of(Change[] changes, FdState before)
    {
        if (changes[0] is not SyscallMade)
        {
            return Of(changes[0], before);
        }

        List<TableReserve> needs = [];
        for (int i = 0; i < changes.Length; i++)
        {
            needs.AddRange(Of(changes[i], before));
            before = changes[i] is SyscallMade || i == changes.Length - 1 ? before : before.With([changes[i]]);
        }

        return [.. needs];
    }

    /// <summary>What a change of an fd's records takes, table by table: one more area in all of them, or a whole new one with its first device.</summary>
    public static TableReserve[] Of(Change change, FdState before) => change switch
    {
        AreaMapped mapped => [.. OfArea(before.Ioasids[mapped.Number], mapped.Area)],
        DeviceAttached attached when before.Ioasids[attached.Number] is var ioasid && !ioasid.Tables.ContainsKey(attached.Table) =>
            [new TableReserve(attached.Number, attached.Table, Of(ioasid.Spec with { PageSizes = before.Devices[attached.Device].Unit.PageSizes }, ioasid.Areas), Filled: false)],
        _ => [],
    };

    private static IEnumerable<TableReserve> OfArea(IoasidEntry ioasid, Area area) =>
        ioasid.Tables.Values.Select(table => new TableReserve(ioasid.Number, table.Index, Of(ioasid.Spec.Of(table), area), Filled: true));
}
