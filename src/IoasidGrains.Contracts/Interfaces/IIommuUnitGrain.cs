// An IOMMU unit: capabilities and context table.
using IoasidGrains.Uapi;

namespace IoasidGrains.Contracts;

/// <summary>An IOMMU unit.</summary>
public interface IIommuUnitGrain : IKernelObjectGrain
{
    ValueTask<Reply> DeclareUnit(DeclareUnit command);

    ValueTask<Reply> DescribeUnit(DescribeUnit command);

    ValueTask<Reply> SetContext(SetContext command);
}
