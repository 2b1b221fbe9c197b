// What an IOMMU unit does with the accesses of one device.
namespace IoasidGrains.Uapi;

/// <summary>The three states of a device at its unit: the host's default domain, blocked while bound but attached nowhere, or translated by a table.</summary>
public enum ContextKind
{
    Default,
    Blocked,
    Translated,
}

/// <summary>A context-table entry: RID to page table.</summary>
/// <param name="Table">The table, if <paramref name="Kind"/> is Translated.</param>
/// <param name="EnforceSnoop">That table's format; a unit without Snoop Control must never be given true.</param>
[GenerateSerializer, Immutable]
public sealed record ContextEntry(ContextKind Kind, PageTableId? Table, bool EnforceSnoop)
{
    public static readonly ContextEntry Default = new(ContextKind.Default, null, false);
    public static readonly ContextEntry Blocked = new(ContextKind.Blocked, null, false);

    public static ContextEntry Translated(PageTableId table, bool enforceSnoop) => new(ContextKind.Translated, table, enforceSnoop);
}

/// <summary>Permission for a device to translate, handed out by attach.</summary>
/// <param name="Table">Where its accesses are looked up.</param>
/// <param name="Unit">What its unit can do: reserved bits, width, fault codes.</param>
[GenerateSerializer, Immutable]
public sealed record DmaRoute(PageTableId Table, IommuCapabilities Unit)
{
    /// <summary>All its accesses are snooped whatever the leaves say: by the PASID entry's snoop bit, or because its no-snoop was turned off (mode 2).</summary>
    [Id(0)]
    public bool ForcesSnoop { get; init; }
}
