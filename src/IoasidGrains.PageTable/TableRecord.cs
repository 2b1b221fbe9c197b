// What is known about one 4 KiB table besides its entries; kept by TableMemory, written by the page table that owns the table.
using System.Runtime.InteropServices;

namespace IoasidGrains.PageTable;

/// <summary>8 bytes per table, outside of it, so that counting and queueing never touch the table's own lines.</summary>
[StructLayout(LayoutKind.Sequential, Size = 8)]
internal struct TableRecord
{
    /// <summary>Entries that are not 0 (performance 6.2, invariant 5).</summary>
    public ushort Used;

    /// <summary>In the free list with entries left in it: whoever takes it clears what it does not overwrite.</summary>
    public bool Stale;

    /// <summary>Was written since its chunk was handed out, so it takes memory.</summary>
    public bool Touched;

    /// <summary>Number of the next table in its owner's free list; 0 ends it.</summary>
    public uint Next;
}
