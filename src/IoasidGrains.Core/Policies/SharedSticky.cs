// One table for everybody, in the format that all can take; it never becomes an enforcing one again.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// Jason Gunthorpe, June 2021 (m205): once wbinvd is on for the guest no table needs SNP. One table per address space; it turns plain when a device comes
/// whose unit cannot enforce, and stays so while the IOASID lives. That is Alex Williamson's VM1 (m208).
/// </summary>
public static class SharedSticky
{
    public static readonly SharingPolicy Policy = new("shared, lowest common denominator, sticky", [], Attach) { IsNoncoherent = HasPlainTable };

    /// <summary>E turns P when the first device comes that cannot take E; P takes everybody.</summary>
    public static Placement Attach(Joining joining) => joining.Only is not { } table ? Placement.New(joining, joining.CanEnforce)
        : table.EnforceSnoop && !joining.CanEnforce ? Placement.Convert(table, enforceSnoop: false)
        : Placement.Join(table);

    /// <summary>While a table is plain KVM honours wbinvd, whoever is attached to it.</summary>
    public static bool HasPlainTable(FdState fd) => fd.Ioasids.Values.Any(ioasid => ioasid.HasPlain);
}
