// iommufd v6.2 to v6.6: a page table is upgraded, or another one found, at attach.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// drivers/iommu/iommufd/device.c, v6.2 to v6.6: a capable device makes the table enforce before it joins; where that fails, EINVAL means "try the next automatic
/// table, else allocate one". VT-d can upgrade only a table without mappings whose units all enforce. An enforcing table refuses a unit that cannot.
/// </summary>
public static class IommufdUpgrade
{
    public static readonly SharingPolicy Policy = new("iommufd: upgrade or split at attach", [], Attach) { DropsEmptyTables = true };

    private static Placement Attach(Joining joining)
    {
        TableUse? table = Array.Find(joining.Tables, table => table.Fits(joining.Device) && Takes(joining, table));
        return table is null ? Placement.New(joining, joining.CanEnforce) : Placement.Convert(table, table.EnforceSnoop || joining.CanEnforce);
    }

    private static bool Takes(Joining joining, TableUse table) => !joining.CanEnforce ? !table.EnforceSnoop
        : table.EnforceSnoop || (joining.Ioasid.Areas.Count == 0 && table.Devices.All(device => device.Unit.EnforceSnoop));
}
