// What must always be true of the dense table's arrays (performance 6.2, invariants 1 to 6); looked at after every change, in debug builds.
using System.Diagnostics;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

public sealed partial class DensePageTable
{
    /// <summary>The slots at both ends of a changed range; what is between them was written by the same loop.</summary>
    [Conditional("DEBUG")]
    private void CheckSlots(IovaRange range)
    {
        CheckSlot(range.Start);
        CheckSlot(range.Last);
    }

    /// <summary>All blocks and all leaf tables. For tests.</summary>
    [Conditional("DEBUG")]
    internal void CheckAll()
    {
        int tables = 0;
        for (int block = _lowestBlock; block <= _highestBlock; block++)
        {
            ulong pointer = BlockPointer(block);
            for (int slot = 0; pointer != 0 && slot < Geometry.SlotsPerBlock; slot += Geometry.Entries)
            {
                Span<ulong> giant = _memory.Block(pointer).Slice(slot, Geometry.Entries);
                int used = giant.Length - giant.Count(0UL);
                Require(used == GiantRecord(pointer, slot).Used, "invariant 5: a GiB's count of slots is that of its entries");
                for (int i = 0; used != 0 && i < giant.Length; i++)
                {
                    CheckSlot(((ulong)block << Geometry.BlockShift) + ((ulong)(slot + i) << Geometry.SlotShift));
                    tables += giant[i] != 0 && !new IoPte(giant[i]).IsLeaf(level: 2) ? 1 : 0;
                }
            }
        }

        Require(tables == Tables, "every leaf table in use is reachable");
    }

    [Conditional("DEBUG")]
    private void CheckSlot(ulong iova)
    {
        ulong slot = SlotEntry(iova);
        var entry = new IoPte(slot);
        if (slot == 0)
        {
            return;
        }

        Require(GiantRecord(BlockPointer(Geometry.Block(iova)), Geometry.Slot(iova)).Used != 0, "invariant 5: a slot is counted");
        if (entry.IsLeaf(level: 2))
        {
            CheckLeaf(entry, level: 2);
            return;
        }

        // Invariants 1 and 2, as far as they can be seen from one thread: what is reachable is whole and not in the free list.
        ref TableRecord record = ref _memory.Record(TableOf(slot));
        ReadOnlySpan<ulong> table = _memory.Table(slot);
        Require(slot == PointerTo(TableOf(slot)), "a pointer permits everything and has no other bits");
        Require(record is { Stale: false, Next: 0, Touched: true }, "invariant 1: a reachable table is not in the free list");
        Require(record.Used == Geometry.Entries - table.Count(0UL) && record.Used != 0, "invariant 5: a table's count is that of its entries, and not 0");
        foreach (ulong leaf in table)
        {
            CheckLeaf(new IoPte(leaf), level: 1);
        }
    }

    private void CheckLeaf(IoPte leaf, int level)
    {
        if (leaf.Value != 0)
        {
            Require(leaf.Access != DmaAccess.None, "invariant 6: no entry without a permission has other bits");
            Require(_formatPerLeaf || leaf.Snp == EnforceSnoop, "the format of a table is that of all its leaves");
            Require(!leaf.HasReservedBits(level, unitEnforcesSnoop: true), "no leaf has reserved bits");
        }
    }

    private static void Require(bool condition, string sentence)
    {
        if (!condition)
        {
            throw new InvalidOperationException($"A page table is broken: {sentence}.");
        }
    }
}
