// iommufd v6.7 and later: a page table's format is fixed when it is allocated.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// drivers/iommu/iommufd/hw_pagetable.c since v6.7: "coherency is configured at allocation and kept". A table allocated for a capable device enforces and takes only
/// such devices; a plain one may be reused by all. So a capable device that comes after one that is not shares its plain table, and stays on it (seen on Linux 6.12).
/// </summary>
public static class IommufdFixed
{
    public static readonly SharingPolicy Policy = new("iommufd: fixed at allocation", [], Attach) { DropsEmptyTables = true };

    private static Placement Attach(Joining joining) => Placement.FirstOrNew(joining, table => table.Accepts(joining.Device), joining.CanEnforce);
}
