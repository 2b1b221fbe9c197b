// What an IOMMU unit can do; fixed for its life, reported before any IOASID exists.
namespace IoasidGrains.Uapi;

/// <summary>The fixed attributes of one IOMMU unit.</summary>
/// <param name="EnforceSnoop">Can turn a no-snoop access into a snooped one (VT-d ECAP.SC, IOMMU_CAP_ENFORCE_CACHE_COHERENCY).</param>
/// <param name="AddressWidth">Width of an IOVA in bits: 39, 48 or 57.</param>
/// <param name="PageSizes">Bitmap of supported page sizes in bytes; 4 KiB always.</param>
/// <param name="ScalableMode">Chooses between VT-d's legacy and scalable fault reasons.</param>
/// <param name="Reserved">Windows that nothing may be mapped at, besides the interrupt window.</param>
[GenerateSerializer, Immutable]
public sealed record IommuCapabilities(
    bool EnforceSnoop, int AddressWidth, ulong PageSizes, bool ScalableMode, IovaRange[] Reserved)
{
    public const ulong AllPageSizes = (4UL << 10) | (2UL << 20) | (1UL << 30);

    public string PageSizeNames => Quantity.PageSizeNames(PageSizes);
}
