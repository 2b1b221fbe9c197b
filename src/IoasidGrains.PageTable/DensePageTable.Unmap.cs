// Unmap of the dense table.
using System.Runtime.CompilerServices;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

public sealed partial class DensePageTable
{
    /// <summary>Clears a part of one slot, the commonest case: its leaf table, or nothing. EINVAL if a large page is there, which it would cut.</summary>
    private Errno ClearPart(IovaRange range)
    {
        ulong pointer = BlockPointer(Geometry.Block(range.Start));
        int index = Geometry.Slot(range.Start);
        ref ulong slot = ref _memory.Block(pointer)[index];
        if (slot == 0 || (slot & IoPte.LargePageBit) != 0)
        {
            return slot == 0 ? Errno.OK : Errno.EINVAL;
        }

        int first = Geometry.Entry(range.Start);
        int cleared = EntryRun.Clear(_memory.Table(slot).Slice(first, Geometry.Entry(range.Last) - first + 1));
        if (Uncount(ref slot, cleared, stale: false))
        {
            GiantRecord(pointer, index).Used--;
            EntriesWritten++;
        }

        EntriesWritten += cleared;
        return Errno.OK;
    }

    /// <summary>Clears whole slots and what is left at both ends. EINVAL, and nothing cleared, if a large page sticks out there.</summary>
    private Errno ClearBlocks(IovaRange range)
    {
        if (Cuts(range, range.Start) || Cuts(range, range.Last))
        {
            return Errno.EINVAL;
        }

        for (int block = Math.Max(Geometry.Block(range.Start), _lowestBlock); block <= Math.Min(Geometry.Block(range.Last), _highestBlock); block++)
        {
            ulong start = (ulong)block << Geometry.BlockShift;
            Clear(block, new IovaRange(Math.Max(start, range.Start), Math.Min(start + (Geometry.BlockBytes - 1), range.Last)));
        }

        return Errno.OK;
    }

    /// <summary>Is there a large page at this address that reaches out of the range?</summary>
    private bool Cuts(IovaRange range, ulong iova)
    {
        var slot = new IoPte(SlotEntry(iova));
        if (!slot.IsLeaf(level: 2))
        {
            return false;
        }

        ulong size = slot.IsGiantMember ? Geometry.GiantBytes : Geometry.SlotBytes;
        ulong start = iova & ~(size - 1);
        return !range.Contains(new IovaRange(start, start + (size - 1)));
    }

    /// <summary>Clears a range inside one block, GiB by GiB; a GiB without entries costs one look.</summary>
    private void Clear(int block, IovaRange range)
    {
        ulong pointer = BlockPointer(block);
        if (pointer == 0)
        {
            return;
        }

        Span<ulong> slots = _memory.Block(pointer);
        for (int slot = Geometry.Slot(range.Start), end = Geometry.Slot(range.Last) + 1; slot < end;)
        {
            int next = NextGiant(slot, end);
            ref TableRecord record = ref GiantRecord(pointer, slot);
            if (record.Used != 0)
            {
                ClearSlots(slots[slot..next], ((ulong)block << Geometry.BlockShift) + ((ulong)slot << Geometry.SlotShift), range, ref record);
            }

            slot = next;
        }
    }

    private void ClearSlots(Span<ulong> slots, ulong iova, IovaRange range, ref TableRecord record)
    {
        int cleared = 0;
        if (slots.Length > 1 && EntryRun.AllHave(slots, IoPte.LargePageBit))
        {
            // No page is cut, so these are either all of a page of 1 GiB or whole pages of 2 MiB.
            LeafCount -= new IoPte(slots[0]).IsGiantMember ? 1 : slots.Length;
            cleared = EntryRun.Clear(slots);
            slots = [];
        }

        for (int i = 0; i < slots.Length; i++, iova += Geometry.SlotBytes)
        {
            var slot = new IoPte(slots[i]);
            if (slot.Value == 0)
            {
                continue;
            }

            if (slot.IsLeaf(level: 2))
            {
                Volatile.Write(ref slots[i], 0);
                LeafCount--;
                cleared++;
            }
            else if (ClearTable(ref slots[i], new IovaRange(Math.Max(iova, range.Start), Math.Min(iova + (Geometry.SlotBytes - 1), range.Last))))
            {
                cleared++;
            }
        }

        record.Used -= (ushort)cleared;
        EntriesWritten += cleared;
    }

    /// <summary>Clears a part of a slot that has a leaf table; true if nothing is left, and the table is free.</summary>
    private bool ClearTable(ref ulong slot, IovaRange part)
    {
        if (part.Last - part.Start == Geometry.SlotBytes - 1)
        {
            // A whole table is not even looked at.
            return Uncount(ref slot, _memory.Record(TableOf(slot)).Used, stale: true);
        }

        int first = Geometry.Entry(part.Start);
        int cleared = EntryRun.Clear(_memory.Table(slot).Slice(first, Geometry.Entry(part.Last) - first + 1));
        EntriesWritten += cleared;
        return Uncount(ref slot, cleared, stale: false);
    }

    /// <summary>So many leaves of a slot's table are gone; true if those were all, and the table is free.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Uncount(ref ulong slot, int cleared, bool stale)
    {
        uint table = TableOf(slot);
        ref TableRecord record = ref _memory.Record(table);
        LeafCount -= cleared;
        record.Used -= (ushort)cleared;
        if (record.Used != 0)
        {
            return false;
        }

        // Unreachable before it is queued (domain 6.5, rule 4).
        Volatile.Write(ref slot, 0);
        Queue(table, stale);
        Tables--;
        return true;
    }
}
