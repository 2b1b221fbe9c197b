// An IOMMU unit as a grain: one line per command into the runner.
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>The mailbox of Core's <c>IommuUnit</c>.</summary>
[CellPlacement]
public sealed class IommuUnitGrain(IGrainContext context, GrainPorts ports) : ObjectGrain(ObjectKind.IommuUnit, context, ports), IIommuUnitGrain
{
    public ValueTask<Reply> DeclareUnit(DeclareUnit command) => Run(command);

    public ValueTask<Reply> DescribeUnit(DescribeUnit command) => Run(command);

    public ValueTask<Reply> SetContext(SetContext command) => Run(command);
}
