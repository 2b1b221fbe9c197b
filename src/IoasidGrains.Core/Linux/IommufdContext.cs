// An open /dev/iommu: its objects and options, as one immutable value.
namespace IoasidGrains.Core.Linux;

/// <summary>The objects of one iommufd.</summary>
public sealed record IommufdContext;
