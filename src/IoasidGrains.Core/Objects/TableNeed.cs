// How many page-table pages an area takes: what an fd asks for before it commits, and a PageTable keeps.
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Upper bounds, in page-table pages of 4 KiB, that follow from the areas alone.</summary>
public static class TableNeed
{
    public static long Of(IoasidSpec spec, Area area) => DensePageTable.TablesNeeded(area.Range, area.Memory.Offset, spec.PageSizes);

    public static long Of(IoasidSpec spec, AreaMap areas) => areas.All.Sum(area => Of(spec, area));

    /// <summary>What a change of an fd's records takes, and of which IOASID: one more area, or the whole table with the first device.</summary>
    public static (IoasidNumber Number, long Tables) Of(Change change, FdState before) => change switch
    {
        AreaMapped mapped when before.Ioasids[mapped.Number] is { Spec.PageSizes: not 0 } ioasid => (mapped.Number, Of(ioasid.Spec, mapped.Area)),
        DeviceAttached attached when before.Ioasids[attached.Number] is { Spec.PageSizes: 0 } ioasid =>
            (attached.Number, Of(ioasid.Spec with { PageSizes = before.Devices[attached.Device].Unit.PageSizes }, ioasid.Areas)),
        _ => default,
    };
}
