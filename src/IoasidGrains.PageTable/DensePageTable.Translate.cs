// Translation by the dense table: one address, a batch, a range; and the list of all leaves.
using System.Runtime.CompilerServices;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

public sealed partial class DensePageTable
{
    public Translation Translate(ulong iova, DmaAccess need, bool unitEnforcesSnoop) => Translate(iova, need, unitEnforcesSnoop, out _);

    /// <summary>Says of the same look, as the writer may change what the next one finds, whether it is in a page of 2 MiB.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Translation Translate(ulong iova, DmaAccess need, bool unitEnforcesSnoop, out bool large)
    {
        CheckMayWalk(need);
        large = false;
        if (IsBeyondWidth(iova))
        {
            return Translation.Faulted(DmaFault.BeyondWidth);
        }

        ulong slot = SlotEntry(iova);
        large = (slot & IoPte.LargePageBit) != 0;
        ulong entry = large ? slot : _memory.Table(slot)[Geometry.Entry(iova)];
        GC.KeepAlive(this);

        // What Map wrote, and no fault: one comparison each. Anything else is looked at bit by bit.
        ulong tested = (ulong)need | IoPte.TransientMappingBit | (unitEnforcesSnoop ? 0 : IoPte.SnoopBit) | (large ? BatchWalk.LargeReservedBits : 0);
        bool plain = (entry & tested) == (ulong)need && (large || (slot & ~IoPte.AddressMask) == (ulong)DmaAccess.ReadWrite);
        var leaf = new IoPte(entry);
        return plain
            ? new Translation(DmaFault.None, leaf.Address | (iova & (large ? Geometry.SlotBytes - 1 : Quantity.PageSize - 1)), leaf.Access, leaf.Snp)
            : Judge(new IoPte(slot), leaf, large ? 2 : 1, iova, need, unitEnforcesSnoop);
    }

    /// <summary>The first fault from the top, or where the leaf leads. A leaf of level 2 is its own slot; a hole's leaf was read from zeros.</summary>
    private static Translation Judge(IoPte slot, IoPte leaf, int level, ulong iova, DmaAccess need, bool unitEnforcesSnoop)
    {
        DmaFault fault = slot.FaultOf(2, need, unitEnforcesSnoop);
        fault = fault != DmaFault.None ? fault : leaf.FaultOf(level, need, unitEnforcesSnoop);
        return fault != DmaFault.None
            ? Translation.Faulted(fault)
            : new Translation(DmaFault.None, leaf.Address | (iova & (IoPte.Bytes(level) - 1)), leaf.Access & slot.Access, leaf.Snp);
    }

    public int Translate(ReadOnlySpan<ulong> iovas, Span<ulong> words, DmaAccess need, bool unitEnforcesSnoop)
    {
        CheckMayWalk(need);
        var walk = new BatchWalk(_memory, _directory, AddressWidth, need, unitEnforcesSnoop);
        int faults = GatherWalk.IsSupported
            ? GatherWalk.Translate(walk, iovas, words[..iovas.Length], staged: Tables > GatherWalk.StageFromTables)
            : walk.Translate(iovas, words);
        GC.KeepAlive(this);
        return faults;
    }

    /// <summary>The reference for the batch above: the same walk on spans, one address at a time, without gathers.</summary>
    internal int TranslateOnSpans(ReadOnlySpan<ulong> iovas, Span<ulong> words, DmaAccess need, bool unitEnforcesSnoop)
    {
        CheckMayWalk(need);
        int faults = new BatchWalk(_memory, _directory, AddressWidth, need, unitEnforcesSnoop).Translate(iovas, words);
        GC.KeepAlive(this);
        return faults;
    }

    public RangeTranslation TranslateRange(IovaRange range, DmaAccess need, bool unitEnforcesSnoop, Span<PhysicalSegment> segments)
    {
        long left = long.MaxValue;
        return TranslateRange(range, need, unitEnforcesSnoop, segments, ref left);
    }

    /// <summary>Ends early, too, when <paramref name="left"/> pages were looked up; is left with what was not used of it.</summary>
    internal RangeTranslation TranslateRange(
        IovaRange range, DmaAccess need, bool unitEnforcesSnoop, Span<PhysicalSegment> segments, ref long left)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(range.Start, range.Last);
        int count = 0;
        for (ulong at = range.Start; ;)
        {
            if (left == 0)
            {
                return new RangeTranslation(count, at - range.Start, DmaFault.None);
            }

            left--;
            Translation next = Translate(at, need, unitEnforcesSnoop, out bool large);
            if (next.Fault != DmaFault.None)
            {
                return new RangeTranslation(count, at - range.Start, next.Fault);
            }

            ulong page = large ? Geometry.SlotBytes : Quantity.PageSize;
            ulong last = Math.Min(range.Last, at | (page - 1));
            ulong length = last - at + 1;
            if (count > 0 && segments[count - 1].IsContinuedBy(next))
            {
                segments[count - 1] = segments[count - 1] with { Length = segments[count - 1].Length + length };
            }
            else if (count == segments.Length)
            {
                return new RangeTranslation(count, at - range.Start, DmaFault.None);
            }
            else
            {
                segments[count++] = new PhysicalSegment(next.Physical, length, next.Snp);
            }

            if (last == range.Last)
            {
                return new RangeTranslation(count, last - range.Start + 1, DmaFault.None);
            }

            at = last + 1;
        }
    }

    public IEnumerable<(ulong Iova, ulong Size, IoPte Pte)> Leaves()
    {
        for (int block = _lowestBlock; block <= _highestBlock; block++)
        {
            ulong pointer = BlockPointer(block);
            for (int slot = 0; pointer != 0 && slot < Geometry.SlotsPerBlock; slot++)
            {
                if (slot % Geometry.Entries == 0 && GiantRecord(pointer, slot).Used == 0)
                {
                    slot |= Geometry.Entries - 1;
                    continue;
                }

                ulong start = ((ulong)block << Geometry.BlockShift) + ((ulong)slot << Geometry.SlotShift);
                foreach (var leaf in LeavesOf(_memory.Block(pointer)[slot], start))
                {
                    yield return leaf;
                }
            }
        }
    }

    private IEnumerable<(ulong Iova, ulong Size, IoPte Pte)> LeavesOf(ulong slot, ulong start)
    {
        var entry = new IoPte(slot);
        if (entry.IsGiantMember)
        {
            return start % Geometry.GiantBytes == 0 ? [(start, Geometry.GiantBytes, new IoPte(slot & ~IoPte.GiantMemberBit))] : [];
        }

        return slot == 0 ? [] : entry.IsLeaf(level: 2) ? [(start, Geometry.SlotBytes, entry)] : LeavesOf(slot, start, Geometry.Entries);
    }

    private IEnumerable<(ulong Iova, ulong Size, IoPte Pte)> LeavesOf(ulong pointer, ulong start, int entries)
    {
        for (int i = 0; i < entries; i++)
        {
            ulong entry = _memory.Table(pointer)[i];
            if (entry != 0)
            {
                yield return (start + ((ulong)i * Quantity.PageSize), Quantity.PageSize, new IoPte(entry));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckMayWalk(DmaAccess need)
    {
        ObjectDisposedException.ThrowIf(_chunks.IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfEqual((int)need, (int)DmaAccess.None);
    }
}
