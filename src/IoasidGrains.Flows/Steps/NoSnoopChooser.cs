// The decision of the seed's step 3 as a pure function: a fixed vendor and class list (Alex), or the user's word (Jason, Alex). Used by ChooseStep.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>The user's word about no-snoop; auto leaves it to the list.</summary>
public enum NoSnoopWish
{
    Auto,
    On,
    Off,
}

/// <summary>A vendor and the first hex digits of a class, as in <c>8086:03*</c>.</summary>
public readonly record struct PciIdPattern(ushort Vendor, string ClassPrefix)
{
    public bool Matches(PciId id) =>
        id.Vendor == Vendor && id.Class.ToString("x4").StartsWith(ClassPrefix, StringComparison.Ordinal);
}

/// <summary>Does user space want no-snoop, and which flag follows?</summary>
public static class NoSnoopChooser
{
    /// <summary>The one example that the thread agrees on: Intel display controllers.</summary>
    public static readonly PciIdPattern[] DefaultList = [new(0x8086, "03")];

    /// <summary>
    /// The flag for ALLOC and ATTACH. A device that wants no-snoop gets it whatever its unit can do; one that does not is snooped if the unit can
    /// enforce that, else it must live in a no-snoop IOASID, as type1 would run it, and the answer says so.
    /// </summary>
    public static ChosenFormat Decide(NoSnoopWish wish, IReadOnlyList<PciIdPattern> list, PciId id, bool unitCanEnforce)
    {
        bool wantsNoSnoop = wish switch
        {
            NoSnoopWish.On => true,
            NoSnoopWish.Off => false,
            _ => list.Any(pattern => pattern.Matches(id)),
        };
        return wantsNoSnoop ? new ChosenFormat(SnoopFormat.NoSnoop, false)
            : unitCanEnforce ? new ChosenFormat(SnoopFormat.Snoop, false)
            : new ChosenFormat(SnoopFormat.NoSnoop, true);
    }
}
