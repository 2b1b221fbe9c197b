// What an IOASID was allocated as.
namespace IoasidGrains.Uapi;

/// <summary>The attributes that ALLOC fixed, and the page sizes that the first attached unit fixed.</summary>
/// <param name="EnforceSnoop">Leaves of its tables carry SNP.</param>
/// <param name="AddressWidth">Bits of an IOVA in it.</param>
/// <param name="PageSizes">Bitmap of the page sizes its table may use; 0 until a device was attached.</param>
[GenerateSerializer, Immutable]
public sealed record IoasidSpec(bool EnforceSnoop, int AddressWidth, ulong PageSizes)
{
    /// <summary>Its tables note which pages devices write.</summary>
    [Id(0)]
    public bool TracksDirty { get; init; }

    public SnoopFormat Format => EnforceSnoop ? SnoopFormat.Snoop : SnoopFormat.NoSnoop;

    /// <summary>The highest IOVA.</summary>
    public ulong LastIova => (1UL << AddressWidth) - 1;
}
