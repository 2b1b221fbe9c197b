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
    /// <summary>Whose driver runs it.</summary>
    [Id(0)]
    public IommuDriver Driver { get; init; }

    /// <summary>The IOVAs that a domain translates; null: 0 to 2^<see cref="AddressWidth"/> - 1.</summary>
    [Id(1)]
    public IovaRange? Aperture { get; init; }

    /// <summary>iommu_domain.pgsize_bitmap, if it is not <see cref="PageSizes"/>: what VFIO reports.</summary>
    [Id(2)]
    public ulong? ReportedPageSizes { get; init; }

    /// <summary>A device cannot send interrupts of another (interrupt remapping).</summary>
    [Id(3)]
    public bool MsiIsolated { get; init; } = true;

    /// <summary>VT-d's registers, if they are not what follows from the rest: see <see cref="VtdRegisters.Of"/>.</summary>
    [Id(4)]
    public VtdRegisters? Registers { get; init; }

    /// <summary>Its tables can track dirty pages (VT-d SSADS in scalable mode, AMD HDSUP, the mock).</summary>
    [Id(5)]
    public bool DirtyTracking { get; init; }

    /// <summary>Its tables can be parents of nested ones (VT-d ECAP.NEST in scalable mode, the mock).</summary>
    [Id(6)]
    public bool Nesting { get; init; }

    /// <summary>Its tables can map memory so that devices see the CPU's caches (IOMMU_CAP_CACHE_COHERENCY, IOMMU_CACHE). VFIO takes no device without it.</summary>
    [Id(7)]
    public bool CacheCoherent { get; init; } = true;

    public const ulong AllPageSizes = (4UL << 10) | (2UL << 20) | (1UL << 30);

    /// <summary>The IOVAs that a domain translates.</summary>
    public IovaRange Translated => Aperture ?? new IovaRange(0, ulong.MaxValue >> (64 - AddressWidth));

    public string PageSizeNames => Quantity.PageSizeNames(PageSizes);
}

/// <summary>The kernel's driver of an IOMMU unit.</summary>
public enum IommuDriver
{
    /// <summary>intel-iommu, VT-d.</summary>
    Vtd,

    /// <summary>AMD-Vi.</summary>
    Amd,

    /// <summary>virtio-iommu.</summary>
    Virtio,
}
