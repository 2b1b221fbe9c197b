// A declared device with what is in front of it; what a process that looks at its host finds.
namespace IoasidGrains.Uapi;

/// <summary>A declared device.</summary>
/// <param name="Unit">What the IOMMU unit in front of it can do; null: there is none.</param>
[GenerateSerializer, Immutable]
public sealed record DeviceFacts(DeviceId Id, DeviceTraits Traits, IommuCapabilities? Unit);
