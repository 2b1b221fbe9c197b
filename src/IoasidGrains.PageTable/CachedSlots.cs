// What an address-translation cache holds: slots of 2 MiB, and the leaf tables of those that have one.
using System.Runtime.CompilerServices;

namespace IoasidGrains.PageTable;

/// <summary>
/// Lines are found through an array indexed by slot number; lines that meet there are chained, so that one batch can always be held whole. One thread finds,
/// fills and ends rounds; another may clear meanwhile, so an entry and a leaf's entry are read once and cleared by one store. Filling and clearing exclude
/// each other (the cache's lock).
/// </summary>
internal sealed class CachedSlots(int slots, int leaves)
{
    /// <summary>An entry that stands for "nothing is mapped in this slot"; 0 is "not cached".</summary>
    public const ulong Absent = 1UL << 63;

    private const int None = -1;
    private const int LinesPerStep = 512;
    private const int LeavesPerStep = 16;

    private Line[][] _lines = [];
    private ulong[][] _leaves = [];
    private int[] _heads = [];
    private int[] _owners = [];
    private int _lineCount, _leafCount;
    private int _lineHand, _leafHand;
    private int _freeLeaf = None;
    private long _round = 1;

    /// <summary>Holes that were filled in before this were true then, and may have been mapped since.</summary>
    public void EndRound() => _round++;

    /// <summary>The slot's entry, 0 if it is not cached. A pointer is to a table of this cache.</summary>
    /// <param name="slot">The number of the 2 MiB.</param>
    /// <param name="fresh">It was filled in this round.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Find(ulong slot, out bool fresh)
    {
        int number = NumberOf(slot);
        if (number == None)
        {
            fresh = false;
            return 0;
        }

        ref Line line = ref LineAt(number);
        fresh = line.Round == _round;
        return Volatile.Read(ref line.Entry);
    }

    /// <summary>Is a slot that was found filled in this round, after one of its entries was read as 0: else it may have been cleared since.</summary>
    public bool IsStillFresh(ulong slot)
    {
        int number = NumberOf(slot);
        return number != None && Volatile.Read(ref LineAt(number).Round) == _round;
    }

    /// <summary>The 512 entries that a pointer found here points to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<ulong> Leaf(ulong pointer)
    {
        int leaf = LeafOf(pointer);
        return _leaves[leaf / LeavesPerStep].AsSpan(leaf % LeavesPerStep * Geometry.Entries, Geometry.Entries);
    }

    public static bool IsPointer(ulong entry) => entry is not (0 or Absent) && (entry & IoPte.LargePageBit) == 0;

    public void Fill(ulong slot, ulong entry, ReadOnlySpan<ulong> leaf)
    {
        int number = NumberOf(slot);
        number = number != None ? number : TakeLine(slot);
        Clear(ref LineAt(number));
        if (IsPointer(entry))
        {
            int taken = TakeLeaf(number);
            entry = IoPte.Table((ulong)taken * TableMemory.TableBytes).Value;
            leaf[..Geometry.Entries].CopyTo(Leaf(entry));
        }

        ref Line line = ref LineAt(number);
        line.Round = _round;
        Volatile.Write(ref line.Entry, entry == 0 ? Absent : entry);
    }

    /// <summary>Forgets the pages of these slots that are in the range; the rest of a leaf table stays.</summary>
    public void Clear(ulong first, ulong last)
    {
        ulong firstSlot = first >> Geometry.SlotShift, lastSlot = last >> Geometry.SlotShift;
        if (lastSlot - firstSlot >= (ulong)_lineCount)
        {
            for (int number = 0; number < _lineCount; number++)
            {
                ref Line line = ref LineAt(number);
                if (line.Slot >= firstSlot && line.Slot <= lastSlot)
                {
                    Clear(ref line, first, last);
                }
            }

            return;
        }

        for (ulong slot = firstSlot; slot <= lastSlot; slot++)
        {
            int number = NumberOf(slot);
            if (number != None)
            {
                Clear(ref LineAt(number), first, last);
            }
        }
    }

    private void Clear(ref Line line, ulong first, ulong last)
    {
        ulong start = line.Slot << Geometry.SlotShift, end = start + (Geometry.SlotBytes - 1);
        if (!IsPointer(line.Entry) || (first <= start && last >= end))
        {
            Clear(ref line);
            return;
        }

        // Before the entries: what is found to be gone must not look like a hole that was just filled in.
        Volatile.Write(ref line.Round, 0);
        foreach (ref ulong entry in Leaf(line.Entry)[Geometry.Entry(Math.Max(first, start))..(Geometry.Entry(Math.Min(last, end)) + 1)])
        {
            Volatile.Write(ref entry, 0);
        }
    }

    /// <summary>The leaf is free at once: only the thread that finds could be reading it, and that one fills when it is done.</summary>
    private void Clear(ref Line line)
    {
        ulong entry = line.Entry;
        Volatile.Write(ref line.Entry, 0);
        if (IsPointer(entry))
        {
            int leaf = LeafOf(entry);
            (_owners[leaf], _freeLeaf) = (~(_freeLeaf + 1), leaf);
        }
    }

    /// <summary>A new line, or one of an earlier round; linked where its slot is looked for.</summary>
    private int TakeLine(ulong slot)
    {
        if (_lineCount == 0)
        {
            _heads = new int[slots];
        }

        int number = _lineCount < slots ? AddLine() : EvictLine();
        ref int head = ref _heads[(int)slot & (slots - 1)];
        LineAt(number) = new Line { Slot = slot, Next = head };
        head = number + 1;
        return number;
    }

    private int AddLine()
    {
        if (_lineCount == _lines.Length * LinesPerStep)
        {
            _lines = [.. _lines, new Line[LinesPerStep]];
        }

        return _lineCount++;
    }

    private int EvictLine()
    {
        for (int looked = 0; ; looked++)
        {
            int number = _lineHand;
            _lineHand = (_lineHand + 1) % _lineCount;
            ref Line line = ref LineAt(number);
            if (looked == _lineCount)
            {
                EndRound();
            }

            if (line.Entry == 0 || line.Round != _round)
            {
                Clear(ref line);
                Unlink(number, line);
                return number;
            }
        }
    }

    private void Unlink(int number, in Line line)
    {
        ref int link = ref _heads[(int)line.Slot & (slots - 1)];
        while (link != number + 1)
        {
            link = ref LineAt(link - 1).Next;
        }

        link = line.Next;
    }

    /// <summary>A free leaf, a new one, or that of a line of an earlier round.</summary>
    private int TakeLeaf(int owner)
    {
        int leaf = _freeLeaf;
        if (leaf != None)
        {
            _freeLeaf = ~_owners[leaf] - 1;
        }
        else
        {
            leaf = _leafCount < leaves ? AddLeaf() : EvictLeaf();
        }

        _owners[leaf] = owner;
        return leaf;
    }

    private int AddLeaf()
    {
        if (_leafCount == _owners.Length)
        {
            _leaves = [.. _leaves, new ulong[LeavesPerStep * Geometry.Entries]];
            Array.Resize(ref _owners, _leafCount + LeavesPerStep);
        }

        return _leafCount++;
    }

    /// <summary>None is free, so each has an owner.</summary>
    private int EvictLeaf()
    {
        for (int looked = 0; ; looked++)
        {
            int leaf = _leafHand;
            _leafHand = (_leafHand + 1) % _leafCount;
            if (looked == _leafCount)
            {
                EndRound();
            }

            ref Line line = ref LineAt(_owners[leaf]);
            if (line.Round != _round)
            {
                Volatile.Write(ref line.Entry, 0);
                return leaf;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int NumberOf(ulong slot)
    {
        int[] heads = _heads;
        int at = (int)slot & (slots - 1);
        int next = at < heads.Length ? heads[at] : 0;
        while (next != 0)
        {
            ref Line line = ref LineAt(next - 1);
            if (line.Slot == slot)
            {
                return next - 1;
            }

            next = line.Next;
        }

        return None;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Line LineAt(int number) => ref _lines[number / LinesPerStep][number % LinesPerStep];

    private static int LeafOf(ulong pointer) => (int)((pointer & IoPte.AddressMask) / TableMemory.TableBytes);

    /// <summary>One slot. Next is the number of the next line of the chain plus 1, or 0.</summary>
    private struct Line
    {
        public ulong Slot, Entry;
        public long Round;
        public int Next;
    }
}
