// Leaf tables that were freed while somebody may still be reading them; the dense table has a list from before and one of late.
namespace IoasidGrains.PageTable;

/// <summary>A list through the tables' records, all of which may be used again when one epoch has passed (performance 6.2, invariant 1).</summary>
internal struct WaitingTables
{
    public uint First, Last;
    public long Count;

    /// <summary>Readers of older epochs may be in one of these tables.</summary>
    public long Epoch;
}
