// Which pages were written: switched on and off, read, and marked for accesses that nobody here sees.
using System.Numerics;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

public sealed partial class DensePageTable
{
    private volatile DirtyBits? _dirty;

    /// <summary>What TakeDirty was asked for, until it is collected.</summary>
    private (IovaRange Range, int PageShift)? _dirtyTaken;

    /// <summary>Readers mark what they translate for Write.</summary>
    public bool TracksDirty => _dirty is not null;

    /// <summary>
    /// Switched on, it starts with nothing marked, even if it was on. Readers take notice in their next section: answer when
    /// <see cref="Advance"/>'s epoch has passed. ENOMEM if there is no memory for the bits: then it is as it was.
    /// </summary>
    public Errno SetDirtyTracking(bool enable)
    {
        ObjectDisposedException.ThrowIf(_chunks.IsClosed, this);
        ThrowIfTaken();
        DirtyBits? old = _dirty;
        if (enable && old is not null)
        {
            old.Clear();
            return Errno.OK;
        }

        DirtyBits? fresh = enable ? new DirtyBits(_memory) : null;
        if (fresh is not null && !TryCoverAll(fresh))
        {
            fresh.Dispose();
            return Errno.ENOMEM;
        }

        _dirty = fresh;
        if (old is not null && _epochs.HasPassed(_epochs.Advance()))
        {
            // Else a reader may be marking: then the collector frees them when it has let go.
            old.Dispose();
        }

        return Errno.OK;
    }

    /// <summary>
    /// Ors into <paramref name="bitmap"/> a bit per <paramref name="pageSize"/>, bit 0 of word 0 for the first page of the range: was any 4 KiB of it written?
    /// EINVAL, and nothing cleared: not tracking; a page size that is no power of two or below 4 KiB; a range that is not one, not aligned to it, or past the
    /// width; a bitmap too small; a hole in the range (iommufd's GET_DIRTY_BITMAP, domain 6.6). Large pages are as fine as small ones, finer than hardware has them.
    /// </summary>
    /// <param name="range">Mapped from end to end.</param>
    /// <param name="pageSize">Bytes per bit.</param>
    /// <param name="clear">
    /// What was read is forgotten. A write that was translated before may land afterwards, without a mark of its own: it belongs to this answer, which must
    /// therefore wait until <see cref="Advance"/>'s epoch has passed.
    /// </param>
    /// <param name="bitmap">Its other bits stay.</param>
    public Errno ReadDirty(IovaRange range, ulong pageSize, bool clear, Span<ulong> bitmap)
    {
        ThrowIfTaken();
        if (!CanReadDirty(range, pageSize, bitmap.Length))
        {
            return Errno.EINVAL;
        }

        _dirty!.Collect(range, DirtyShift(pageSize), clear, bitmap);
        return Errno.OK;
    }

    /// <summary>
    /// The first step of reading and clearing as <see cref="ReadDirty"/> does, with its checks, where every GiB that is wholly in the range is to cost next to
    /// nothing: readers mark elsewhere from their next section on. When <see cref="Advance"/>'s epoch has passed, <see cref="CollectTaken"/> is the second; in
    /// between the writer may do nothing else but mark.
    /// </summary>
    /// <param name="range">Mapped from end to end.</param>
    /// <param name="pageSize">Bytes per bit.</param>
    /// <param name="bitmapWords">Length of the bitmap that the second step will be given.</param>
    public Errno TakeDirty(IovaRange range, ulong pageSize, int bitmapWords)
    {
        ThrowIfTaken();
        if (!CanReadDirty(range, pageSize, bitmapWords))
        {
            return Errno.EINVAL;
        }

        _dirty!.Swap(range);
        _dirtyTaken = (range, DirtyShift(pageSize));
        return Errno.OK;
    }

    /// <summary>Ors what was taken into the bitmap. Pages written by sections that began after TakeDirty may be left for the next.</summary>
    /// <returns>
    /// True if some of it, at the ends of the range, was cleared beside the readers: then the answer must wait for an epoch from after this, as that of ReadDirty.
    /// </returns>
    public bool CollectTaken(Span<ulong> bitmap)
    {
        ObjectDisposedException.ThrowIf(_chunks.IsClosed, this);
        if (_dirtyTaken is not { } taken)
        {
            throw new InvalidOperationException("What was written in a page table is collected before it was taken.");
        }

        _dirtyTaken = null;
        return _dirty!.CollectSwapped(taken.Range, taken.PageShift, bitmap);
    }

    /// <summary>Marks pages as written, for translations handed to a cache elsewhere; nothing while not tracking. The writer's turn only.</summary>
    public void MarkDirty(ulong firstIova, ulong bytes)
    {
        ulong end = 1UL << AddressWidth;
        if (bytes != 0 && firstIova < end)
        {
            _dirty?.Mark(firstIova, bytes > end - firstIova ? end - 1 : firstIova + (bytes - 1));
        }
    }

    /// <summary>For a reader that has just read an entry: there are bits for it, if its table tracks at all.</summary>
    internal DirtyBits? DirtyBitsAfterRead()
    {
        Volatile.ReadBarrier();
        return _dirty;
    }

    private bool TryCoverAll(DirtyBits bits)
    {
        for (int block = _lowestBlock; block <= _highestBlock; block++)
        {
            ulong pointer = BlockPointer(block);
            for (int slot = 0; pointer != 0 && slot < Geometry.SlotsPerBlock; slot += Geometry.Entries)
            {
                ulong iova = ((ulong)block << Geometry.BlockShift) + ((ulong)slot << Geometry.SlotShift);
                if (GiantRecord(pointer, slot).Used != 0 && !bits.TryCover(new IovaRange(iova, iova)))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private void ThrowIfTaken()
    {
        if (_dirtyTaken is not null)
        {
            throw new InvalidOperationException("What was written in a page table was taken and is not yet collected.");
        }
    }

    private static int DirtyShift(ulong pageSize) => BitOperations.Log2(pageSize / Quantity.PageSize);

    private bool CanReadDirty(IovaRange range, ulong pageSize, int bitmapWords)
    {
        ObjectDisposedException.ThrowIf(_chunks.IsClosed, this);
        bool fits = BitOperations.IsPow2(pageSize) && pageSize >= Quantity.PageSize && range.Start <= range.Last
            && ((range.Start | (range.Last + 1)) & (pageSize - 1)) == 0 && !IsBeyondWidth(range.Last)
            && (range.Last - range.Start) / pageSize / 64 < (ulong)bitmapWords;
        return _dirty is not null && fits && IsMapped(range);
    }

    private bool IsMapped(IovaRange range)
    {
        for (ulong at = range.Start; ;)
        {
            ulong last = Math.Min(range.Last, at | (Geometry.GiantBytes - 1));
            Span<ulong> slots = _memory.Block(BlockPointer(Geometry.Block(at)))[Geometry.Slot(at)..(Geometry.Slot(last) + 1)];
            for (int i = 0; i < slots.Length; i++)
            {
                ulong slot = slots[i];
                if ((slot & IoPte.LargePageBit) == 0 && (slot == 0 || _memory.Record(TableOf(slot)).Used != Geometry.Entries) && HasHole(slot, at, last, i))
                {
                    return false;
                }
            }

            if (last == range.Last)
            {
                return true;
            }

            at = last + 1;
        }
    }

    /// <summary>In the leaf table, if there is one, of the slot that is this many after that of the first address, as far as it is between the two.</summary>
    private bool HasHole(ulong slot, ulong first, ulong last, int after)
    {
        ulong start = (first & ~(Geometry.SlotBytes - 1)) + ((ulong)after << Geometry.SlotShift);
        int from = Geometry.Entry(Math.Max(first, start));
        int to = Geometry.Entry(Math.Min(last, start + (Geometry.SlotBytes - 1)));
        return _memory.Table(slot)[from..(to + 1)].Contains(0UL);
    }
}
