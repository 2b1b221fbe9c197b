// The plain radix page table: small and obviously right. The second oracle of the dense table, besides the model.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

/// <summary>
/// 3 to 5 levels of 512 entries. The pointer to the root stands for the one in a unit's context entry: 0 while nothing is mapped, so an
/// empty table costs no frame. A table that becomes empty is freed at once, so an entry is 0 if and only if nothing is mapped below it.
/// </summary>
internal sealed class RadixPageTable : IIoPageTable
{
    private readonly ulong _pageSizes;
    private readonly int _levels;
    private readonly TableFrames _frames = new();
    private ulong _root;

    /// <param name="addressWidth">39, 48 or 57.</param>
    /// <param name="enforceSnoop">Leaves carry SNP.</param>
    /// <param name="pageSizes">Bitmap in bytes of what the unit can do; 4 KiB must be in it, and what VT-d does not have is passed over.</param>
    public RadixPageTable(int addressWidth, bool enforceSnoop, ulong pageSizes)
    {
        if (addressWidth is not (39 or 48 or 57) || (pageSizes & Quantity.PageSize) == 0)
        {
            throw new ArgumentException($"No VT-d table has width {addressWidth} and page sizes 0x{pageSizes:x}.");
        }

        AddressWidth = addressWidth;
        EnforceSnoop = enforceSnoop;
        _pageSizes = pageSizes;
        _levels = (addressWidth - 12) / 9;
    }

    public int AddressWidth { get; }

    public bool EnforceSnoop { get; }

    public long LeafCount { get; private set; }

    public long EntriesWritten { get; private set; }

    /// <summary>Those whose entries are 4 KiB leaves.</summary>
    public int Tables { get; private set; }

    /// <summary>Tables of every level, the root counted.</summary>
    public int Frames => _frames.InUse;

    public Errno Map(IovaRange range, ulong physical, DmaAccess access)
    {
        if (!IsWhole(range) || !Quantity.IsPageAligned(physical) || access is not (DmaAccess.Read or DmaAccess.Write or DmaAccess.ReadWrite))
        {
            return Errno.EINVAL;
        }

        if (IsBeyondWidth(range.Last) || physical >= IoPte.PhysicalEnd || range.Last - range.Start >= IoPte.PhysicalEnd - physical)
        {
            return Errno.EFAULT;
        }

        if (IsOccupied(_root, _levels, range))
        {
            return Errno.EEXIST;
        }

        Fill(ref _root, _levels, range, physical - range.Start, access);
        return Errno.OK;
    }

    public Errno Unmap(IovaRange range)
    {
        if (!IsWhole(range))
        {
            return Errno.EINVAL;
        }

        if (IsBeyondWidth(range.Last))
        {
            return Errno.EFAULT;
        }

        // Only the leaves at the two ends can stick out.
        if (Cuts(range, range.Start) || Cuts(range, range.Last))
        {
            return Errno.EINVAL;
        }

        if (_root != 0)
        {
            Clear(ref _root, _levels, range);
        }

        return Errno.OK;
    }

    public Translation Translate(ulong iova, DmaAccess need, bool unitEnforcesSnoop)
    {
        ArgumentOutOfRangeException.ThrowIfEqual((int)need, (int)DmaAccess.None);
        if (IsBeyondWidth(iova))
        {
            return Translation.Faulted(DmaFault.BeyondWidth);
        }

        DmaAccess granted = DmaAccess.ReadWrite;
        ulong pointer = _root;
        for (int level = _levels; ; level--)
        {
            // Only the root can be absent here: a pointer without permissions faulted one level up.
            var entry = new IoPte(pointer == 0 ? 0 : EntryIn(pointer, iova, level));
            DmaFault fault = entry.FaultOf(level, need, unitEnforcesSnoop);
            if (fault != DmaFault.None)
            {
                return Translation.Faulted(fault);
            }

            granted &= entry.Access;
            if (entry.IsLeaf(level))
            {
                return new Translation(DmaFault.None, entry.Address | (iova & (IoPte.Bytes(level) - 1)), granted, entry.Snp);
            }

            pointer = entry.Value;
        }
    }

    public int Translate(ReadOnlySpan<ulong> iovas, Span<ulong> words, DmaAccess need, bool unitEnforcesSnoop)
    {
        int faults = 0;
        for (int i = 0; i < iovas.Length; i++)
        {
            words[i] = TranslatedWord.Of(Translate(iovas[i], need, unitEnforcesSnoop));
            faults += words[i] == TranslatedWord.Fault ? 1 : 0;
        }

        return faults;
    }

    /// <summary>Page by page of 4 KiB, whatever the pages are.</summary>
    public RangeTranslation TranslateRange(IovaRange range, DmaAccess need, bool unitEnforcesSnoop, Span<PhysicalSegment> segments)
    {
        int count = 0;
        ulong done = 0;
        for (ulong left = range.Length, length; left > 0; left -= length, done += length)
        {
            ulong iova = range.Start + done;
            length = Math.Min(left, Quantity.PageSize - (iova % Quantity.PageSize));
            Translation next = Translate(iova, need, unitEnforcesSnoop);
            bool joins = next.Fault == DmaFault.None && count > 0 && segments[count - 1].IsContinuedBy(next);
            if (next.Fault != DmaFault.None || (!joins && count == segments.Length))
            {
                return new RangeTranslation(count, done, next.Fault);
            }

            PhysicalSegment last = joins ? segments[--count] : new PhysicalSegment(next.Physical, 0, next.Snp);
            segments[count++] = last with { Length = last.Length + length };
        }

        return new RangeTranslation(count, done, DmaFault.None);
    }

    public void Dispose() => _root = 0;

    public IEnumerable<(ulong Iova, ulong Size, IoPte Pte)> Leaves() => LeavesOf(_root, _levels, 0);

    /// <summary>
    /// For tests: the entry itself, to plant what Map never writes. The tables above it must be there. Counters do not notice.
    /// </summary>
    internal ref ulong RawEntry(ulong iova, int level)
    {
        ref ulong pointer = ref _root;
        for (int at = _levels; ; at--)
        {
            pointer = ref EntryIn(pointer, iova, at);
            if (at == level)
            {
                return ref pointer;
            }
        }
    }

    private static bool IsWhole(IovaRange range) =>
        range.Start <= range.Last && Quantity.IsPageAligned(range.Start) && Quantity.IsPageAligned(range.Last + 1);

    private bool IsBeyondWidth(ulong iova) => iova >> AddressWidth != 0;

    private bool IsOccupied(ulong pointer, int level, IovaRange range)
    {
        if (pointer == 0)
        {
            return false;
        }

        ulong[] table = _frames[new IoPte(pointer)];
        for (int i = Index(range.Start, level); i <= Index(range.Last, level); i++)
        {
            if (table[i] != 0 && (new IoPte(table[i]).IsLeaf(level) || IsOccupied(table[i], level - 1, Part(range, level, i))))
            {
                return true;
            }
        }

        return false;
    }

    /// <param name="pointer">To a table of this level, or 0 where one is to be made.</param>
    /// <param name="level">Of that table, which covers the range.</param>
    /// <param name="range">Empty until now.</param>
    /// <param name="offset">From IOVA to physical, modulo 2^64.</param>
    /// <param name="access">Of the leaves.</param>
    private void Fill(ref ulong pointer, int level, IovaRange range, ulong offset, DmaAccess access)
    {
        if (pointer == 0)
        {
            Write(ref pointer, _frames.Take());
            Tables += level == 1 ? 1 : 0;
        }

        ulong[] table = _frames[new IoPte(pointer)];
        for (int i = Index(range.Start, level); i <= Index(range.Last, level); i++)
        {
            IovaRange part = Part(range, level, i);
            ulong physical = part.Start + offset;
            if (FitsOnePage(part, physical, level))
            {
                Write(ref table[i], IoPte.Leaf(physical, access, EnforceSnoop, level));
                LeafCount++;
            }
            else
            {
                Fill(ref table[i], level - 1, part, offset, access);
            }
        }
    }

    private bool FitsOnePage(IovaRange part, ulong physical, int level)
    {
        ulong size = IoPte.Bytes(level);
        return level <= IoPte.HighestLeafLevel && (_pageSizes & size) != 0 && part.Length == size && (physical & (size - 1)) == 0;
    }

    private bool Cuts(IovaRange range, ulong iova)
    {
        ulong pointer = _root;
        for (int level = _levels; pointer != 0; level--)
        {
            pointer = EntryIn(pointer, iova, level);
            if (new IoPte(pointer).IsLeaf(level))
            {
                ulong start = iova & ~(IoPte.Bytes(level) - 1);
                return pointer != 0 && !range.Contains(new IovaRange(start, start + (IoPte.Bytes(level) - 1)));
            }
        }

        return false;
    }

    private void Clear(ref ulong pointer, int level, IovaRange range)
    {
        var tablePointer = new IoPte(pointer);
        ulong[] table = _frames[tablePointer];
        for (int i = Index(range.Start, level); i <= Index(range.Last, level); i++)
        {
            if (table[i] == 0)
            {
                continue;
            }

            if (new IoPte(table[i]).IsLeaf(level))
            {
                Write(ref table[i], default);
                LeafCount--;
            }
            else
            {
                Clear(ref table[i], level - 1, Part(range, level, i));
            }
        }

        if (!table.AsSpan().ContainsAnyExcept(0UL))
        {
            // Unlinked before it is freed (domain 6.5, rule 4).
            Write(ref pointer, default);
            _frames.Free(tablePointer);
            Tables -= level == 1 ? 1 : 0;
        }
    }

    private void Write(ref ulong entry, IoPte value)
    {
        entry = value.Value;
        EntriesWritten++;
    }

    private IEnumerable<(ulong Iova, ulong Size, IoPte Pte)> LeavesOf(ulong pointer, int level, ulong start)
    {
        ulong[] table = pointer == 0 ? [] : _frames[new IoPte(pointer)];
        for (int i = 0; i < table.Length; i++, start += IoPte.Bytes(level))
        {
            var entry = new IoPte(table[i]);
            if (entry.Value != 0 && entry.IsLeaf(level))
            {
                yield return (start, IoPte.Bytes(level), entry);
            }
            else if (entry.Value != 0)
            {
                foreach (var leaf in LeavesOf(entry.Value, level - 1, start))
                {
                    yield return leaf;
                }
            }
        }
    }

    private ref ulong EntryIn(ulong pointer, ulong iova, int level) => ref _frames[new IoPte(pointer)][Index(iova, level)];

    private static int Index(ulong iova, int level) => (int)(iova / IoPte.Bytes(level) % TableFrames.Entries);

    /// <summary>The part of a range, all of it in one table of this level, that is below the table's entry.</summary>
    private static IovaRange Part(IovaRange range, int level, int index)
    {
        ulong size = IoPte.Bytes(level);
        ulong start = (range.Start & ~(size * TableFrames.Entries - 1)) + (ulong)index * size;
        return new IovaRange(Math.Max(start, range.Start), Math.Min(start + (size - 1), range.Last));
    }
}
