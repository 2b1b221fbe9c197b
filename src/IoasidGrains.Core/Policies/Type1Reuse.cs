// The proposal of 2022 to let type1 reuse a domain whatever its enforce flag.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// May 2022 (e22-5), not in the tree: drop the comparison of the enforce flag, as KVM ORs over all devices anyway. A group joins the first domain that takes it: a plain
/// one takes everybody, so it matters who comes first. Alex Williamson: separate domains let KVM return to coherent when the plain one goes.
/// </summary>
public static class Type1Reuse
{
    public static readonly SharingPolicy Policy = new("type1 with domain reuse", [], Attach) { DropsEmptyTables = true };

    private static Placement Attach(Joining joining) => Placement.FirstOrNew(joining, table => table.Accepts(joining.Device), joining.CanEnforce);
}
