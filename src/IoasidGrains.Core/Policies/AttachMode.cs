// Jason Gunthorpe's attach modes: the device, not the table, decides whether wbinvd is allowed.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// Jason Gunthorpe, 4 June 2021 (m239): ATTACH carries mode 0 (enable no-snoop; here the flag <c>no_snoop</c>), 1 (automatic: block it if the unit can;
/// <c>auto</c>, and where no flag is given) or 2 (force it off; <c>snoop</c>). wbinvd is allowed iff a device joined with 0, or with 1 on a unit that cannot block.
/// A device of mode 2 on a unit that cannot block has its no-snoop turned off in its own control register.
/// </summary>
public static class AttachMode
{
    public static readonly SharingPolicy Policy = new("attach mode", [], Attach)
    {
        AttachFlags = [SnoopFormat.NoSnoop, SnoopFormat.Auto, SnoopFormat.Snoop],
        DropsEmptyTables = true,
        IsNoncoherent = fd => fd.Devices.Values.Any(AllowsWbinvd),
    };

    private static Placement Attach(Joining joining)
    {
        bool enforce = joining.CanEnforce && joining.Flag != SnoopFormat.NoSnoop;
        Placement place = Placement.FirstOrNew(joining, table => table.EnforceSnoop == enforce && table.Fits(joining.Device), enforce);
        return place with { ForcesSnoop = !joining.CanEnforce && joining.Flag == SnoopFormat.Snoop };
    }

    private static bool AllowsWbinvd(BoundDevice device) => device.Place is { } place && place.Flag switch
    {
        SnoopFormat.NoSnoop => true,
        SnoopFormat.Snoop => false,
        _ => !device.Unit.EnforceSnoop,
    };
}
