// A mapped interval of an IOASID.
namespace IoasidGrains.Uapi;

/// <summary>One MAP: an interval of IOVA, the user memory behind it, and what devices may do there.</summary>
[GenerateSerializer, Immutable]
public sealed record Area(IovaRange Range, UserAddress Memory, DmaAccess Access)
{
    /// <summary>The flag of MAP, where mappings have formats of their own; null: the table's.</summary>
    [Id(0)]
    public SnoopFormat? Format { get; init; }
}
