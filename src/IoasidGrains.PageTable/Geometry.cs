// Sizes of the dense table and where an address is in it; used by everything that walks it.
namespace IoasidGrains.PageTable;

/// <summary>A directory of blocks; per block of 512 GiB a slot for every 2 MiB; per slot a page, or a leaf table of 512 pages.</summary>
internal static class Geometry
{
    public const int SlotShift = 21, GiantShift = 30, BlockShift = 39;
    public const ulong SlotBytes = 1UL << SlotShift, GiantBytes = 1UL << GiantShift, BlockBytes = 1UL << BlockShift;
    public const int SlotsPerBlock = 1 << (BlockShift - SlotShift);

    /// <summary>Entries of a table of 4 KiB; slots of a page of 1 GiB, which take 4 KiB of their block.</summary>
    public const int Entries = 512;

    /// <summary>In the directory.</summary>
    public static int Block(ulong iova) => (int)(iova >> BlockShift);

    /// <summary>In its block.</summary>
    public static int Slot(ulong iova) => (int)(iova >> SlotShift) & (SlotsPerBlock - 1);

    /// <summary>In the leaf table of its slot.</summary>
    public static int Entry(ulong iova) => (int)(iova >> 12) & (Entries - 1);
}
