// Map of the dense table: first look at everything, take the memory, and only then write.
using System.Runtime.CompilerServices;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

public sealed partial class DensePageTable
{
    /// <summary>Tables that are written before the first of them is published.</summary>
    private const int TablesAtOnce = 32;

    /// <summary>A run of more tables than this (32 MiB of them) would only push everything else out of the caches.</summary>
    private const int StreamFromTables = 8192;

    private Errno MapRuns(in PagePlan plan, IovaRange range, ulong toEntry)
    {
        Errno errno = Prepare(plan, range);
        if (errno == Errno.OK)
        {
            Write(plan, range, toEntry);
        }

        return errno;
    }

    /// <summary>The same for a few pages in one slot, the commonest case: one look at the slot decides and writes.</summary>
    private Errno MapPart(IovaRange range, ulong toEntry)
    {
        ref ulong slot = ref _memory.Block(BlockPointer(Geometry.Block(range.Start)))[Geometry.Slot(range.Start)];
        ulong pointer = slot;
        if (pointer == 0 || (pointer & IoPte.LargePageBit) != 0)
        {
            return pointer == 0 ? MapFirstPart(range, toEntry) : Errno.EEXIST;
        }

        int start = Geometry.Entry(range.Start);
        Span<ulong> part = _memory.Table(pointer).Slice(start, Geometry.Entry(range.Last) - start + 1);
        if (EntryRun.AnySet(part))
        {
            return Errno.EEXIST;
        }

        WriteLeaves(part, range.Start + toEntry);
        _memory.Record(TableOf(pointer)).Used += (ushort)part.Length;
        return Errno.OK;
    }

    /// <summary>The slot is empty: it needs a leaf table.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Errno MapFirstPart(IovaRange range, ulong toEntry)
    {
        if (!TryReserve(1, range))
        {
            return Errno.ENOMEM;
        }

        WritePart(BlockPointer(Geometry.Block(range.Start)), new PageRun(PageRunKind.Part, range.Start, range.Last), range.Start + toEntry);
        return Errno.OK;
    }

    /// <summary>EEXIST, ENOMEM, or all the tables that the plan needs are there.</summary>
    private Errno Prepare(in PagePlan plan, IovaRange range)
    {
        long tables = 0;
        for (ulong at = range.Start; ;)
        {
            PageRun run = plan.RunAt(at);
            if (IsOccupied(run))
            {
                return Errno.EEXIST;
            }

            tables += TablesFor(run);
            if (run.Last >= range.Last)
            {
                return TryReserve(tables, range) ? Errno.OK : Errno.ENOMEM;
            }

            at = run.Last + 1;
        }
    }

    private bool IsOccupied(PageRun run)
    {
        ulong pointer = BlockPointer(Geometry.Block(run.Start));
        if (pointer == 0)
        {
            return false;
        }

        ReadOnlySpan<ulong> block = _memory.Block(pointer);
        if (run.Kind == PageRunKind.Part)
        {
            return IsOccupied(block[run.FirstSlot], run);
        }

        for (int slot = run.FirstSlot, end = slot + run.Slots; slot < end; slot = NextGiant(slot, end))
        {
            if (GiantRecord(pointer, slot).Used != 0 && EntryRun.AnySet(block[slot..NextGiant(slot, end)]))
            {
                return true;
            }
        }

        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsOccupied(ulong slot, PageRun part)
    {
        if (slot == 0 || (slot & IoPte.LargePageBit) != 0)
        {
            return slot != 0;
        }

        int entry = Geometry.Entry(part.Start);
        return EntryRun.AnySet(_memory.Table(slot).Slice(entry, Geometry.Entry(part.Last) - entry + 1));
    }

    /// <summary>Leaf tables that this run, which is free, will take.</summary>
    private long TablesFor(PageRun run) => run.Kind switch
    {
        PageRunKind.Tables => run.Slots,
        PageRunKind.Part => SlotEntry(run.Start) == 0 ? 1 : 0,
        _ => 0,
    };

    /// <summary>Writes a plan that was prepared. <paramref name="toEntry"/> is added to an IOVA to make the entry of a 4 KiB leaf.</summary>
    private void Write(in PagePlan plan, IovaRange range, ulong toEntry)
    {
        for (ulong at = range.Start; ;)
        {
            PageRun run = plan.RunAt(at);
            ulong pointer = BlockPointer(Geometry.Block(at));
            switch (run.Kind)
            {
                case PageRunKind.Part:
                    WritePart(pointer, run, at + toEntry);
                    break;
                case PageRunKind.Tables:
                    WriteTables(pointer, run, at + toEntry);
                    break;
                default:
                    WriteLarge(pointer, run, (at + toEntry) | IoPte.LargePageBit | (run.Kind == PageRunKind.Giant ? IoPte.GiantMemberBit : 0));
                    break;
            }

            if (run.Last >= range.Last)
            {
                return;
            }

            at = run.Last + 1;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void WritePart(ulong blockPointer, PageRun run, ulong first)
    {
        ref ulong slot = ref _memory.Block(blockPointer)[run.FirstSlot];
        int start = Geometry.Entry(run.Start);
        int count = Geometry.Entry(run.Last) - start + 1;
        bool fresh = slot == 0;
        bool stale = false;
        ulong pointer = fresh ? PointerTo(Dequeue(out stale)) : slot;
        Span<ulong> table = _memory.Table(pointer);
        if (stale)
        {
            table[..start].Clear();
            table[(start + count)..].Clear();
        }

        WriteLeaves(table.Slice(start, count), first);
        _memory.Record(TableOf(pointer)).Used += (ushort)count;
        if (fresh)
        {
            Count(ref GiantRecord(blockPointer, run.FirstSlot), 1);
            Store(ref slot, pointer);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void WriteLeaves(Span<ulong> entries, ulong first)
    {
        if (entries.Length == 1)
        {
            Volatile.Write(ref entries[0], first);
        }
        else
        {
            EntryRun.Fill(entries, first, Quantity.PageSize);
        }

        LeafCount += entries.Length;
        EntriesWritten += entries.Length;
    }

    private void WriteTables(ulong blockPointer, PageRun run, ulong first)
    {
        bool streamed = run.Slots >= StreamFromTables && EntryRun.CanStream;
        for (int slot = run.FirstSlot, end = slot + run.Slots; slot < end;)
        {
            int next = Math.Min(slot + TablesAtOnce, NextGiant(slot, end));
            WriteSomeTables(_memory.Block(blockPointer)[slot..next], first, streamed);
            Count(ref GiantRecord(blockPointer, slot), next - slot);
            first += (ulong)(next - slot) * Geometry.SlotBytes;
            slot = next;
        }

        LeafCount += (long)run.Slots * Geometry.Entries;
        EntriesWritten += (long)run.Slots * (Geometry.Entries + 1);
    }

    private void WriteSomeTables(Span<ulong> slots, ulong first, bool streamed)
    {
        Span<ulong> pointers = stackalloc ulong[TablesAtOnce];
        for (int i = 0; i < slots.Length; i++, first += Geometry.SlotBytes)
        {
            uint table = Dequeue(out _);
            _memory.Record(table).Used = Geometry.Entries;
            pointers[i] = PointerTo(table);
            if (streamed)
            {
                EntryRun.Stream(_memory.Table(pointers[i]), first, Quantity.PageSize);
            }
            else
            {
                EntryRun.Fill(_memory.Table(pointers[i]), first, Quantity.PageSize);
            }
        }

        if (streamed)
        {
            EntryRun.EndStream();
        }

        // Publishes: all that these lead to was written before.
        for (int i = 0; i < slots.Length; i++)
        {
            Volatile.Write(ref slots[i], pointers[i]);
        }
    }

    private void WriteLarge(ulong blockPointer, PageRun run, ulong first)
    {
        Span<ulong> block = _memory.Block(blockPointer);
        for (int slot = run.FirstSlot, end = slot + run.Slots; slot < end;)
        {
            int next = NextGiant(slot, end);
            EntryRun.Fill(block[slot..next], first, Geometry.SlotBytes);
            Count(ref GiantRecord(blockPointer, slot), next - slot);
            first += (ulong)(next - slot) * Geometry.SlotBytes;
            slot = next;
        }

        LeafCount += run.Kind == PageRunKind.Giant ? run.Slots / Geometry.Entries : run.Slots;
        EntriesWritten += run.Slots;
    }

    /// <summary>The first slot of the next GiB, or the end.</summary>
    private static int NextGiant(int slot, int end) => Math.Min(end, (slot | (Geometry.Entries - 1)) + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Count(ref TableRecord record, int entries)
    {
        record.Used += (ushort)entries;
        record.Touched = true;
    }

    /// <summary>Publishes: what the entry leads to was written before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Store(ref ulong entry, ulong value)
    {
        Volatile.Write(ref entry, value);
        EntriesWritten++;
    }
}
