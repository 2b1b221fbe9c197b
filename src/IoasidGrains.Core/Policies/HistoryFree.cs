// The policy that is better than all of them: the format of a table follows from who is attached now, and from nothing else. See HistoryFree.md.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// One table per IOASID, never refused, never pinned twice. A unit with PASID entries (scalable mode) enforces snooping there, for one device, so its table needs no SNP and
/// is never rewritten. For devices behind older units the table enforces while every unit on it can, and is converted, in shared-reformat's order, when that
/// changes; a table without devices is left as it is until somebody comes.
/// </summary>
public static class HistoryFree
{
    public static readonly SharingPolicy Policy = new("history-free", [], Attach) { Detach = Detach };

    private static Placement Attach(Joining joining)
    {
        bool enforce = Format([.. joining.Only?.Devices ?? [], joining.Device]);
        Placement place = joining.Only is { } table ? Placement.Convert(table, enforce) : Placement.New(joining, enforce);
        return place with { ForcesSnoop = EnforcesInPasidEntry(joining.Device) };
    }

    private static bool Detach(Leaving leaving) =>
        leaving.Table.Devices.Length == 0 ? leaving.Table.EnforceSnoop : Format(leaving.Table.Devices);

    /// <summary>Leaves carry SNP iff somebody needs it there and nobody's unit faults on it.</summary>
    private static bool Format(BoundDevice[] devices) =>
        devices.Any(device => device.Unit.EnforceSnoop && !EnforcesInPasidEntry(device)) && devices.All(device => device.Unit.EnforceSnoop);

    /// <summary>PGSNP of a scalable-mode PASID entry (VT-d 9.6); Linux set it for second-stage domains too until May 2022 (e22-4).</summary>
    private static bool EnforcesInPasidEntry(BoundDevice device) => device.Unit is { EnforceSnoop: true, ScalableMode: true };
}
