// Where grains go: all of one cell on one silo. Marks every grain class.
using Orleans.Placement;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>
/// A cell is the host and the name that a key starts with: <c>host1/fd1</c> holds the fd, its IOASIDs, their tables and its process's memory;
/// <c>host1/vm1</c> the VM and its memory. Its grains call each other on every ioctl, so they live on one silo.
/// </summary>
[GenerateSerializer, Immutable]
public sealed class CellPlacement : PlacementStrategy
{
    internal static readonly CellPlacement Instance = new();
}

/// <summary>Places a grain class by <see cref="CellPlacement"/>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class CellPlacementAttribute() : PlacementAttribute(CellPlacement.Instance);
