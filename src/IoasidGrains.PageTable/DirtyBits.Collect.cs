// How the bits of written pages are read and forgotten: live beside readers, or from the side that they have left.
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

internal sealed partial class DirtyBits
{
    private const ulong WordBytes = 1UL << WordShift;

    private enum Clearing
    {
        /// <summary>Bits stay.</summary>
        None,

        /// <summary>Readers may be marking: atomically, and only words that are not 0.</summary>
        Live,

        /// <summary>Nobody else is at these words, and all of their bits are asked for.</summary>
        Alone,
    }

    /// <summary>
    /// Ors a bit per page of 4 KiB times 2^<paramref name="pageShift"/> into the bitmap, which starts with the range; into an empty one nothing.
    /// </summary>
    public void Collect(IovaRange range, int pageShift, bool clear, Span<ulong> bitmap)
    {
        foreach (IovaRange part in new Giants(range, CoveredEnd))
        {
            Span<ulong> bits = Bits(part.Start, out uint sides);
            if (!bits.IsEmpty)
            {
                Read(bits[Word(part.Start, sides)..], part, range.Start, pageShift, clear ? Clearing.Live : Clearing.None, bitmap);
            }
        }

        GC.KeepAlive(this);
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        for (int block = 0; block < _blocks.Length; block++)
        {
            if (_blocks[block] is not null)
            {
                ulong start = (ulong)block << Geometry.BlockShift;
                Collect(new IovaRange(start, start + (Geometry.BlockBytes - 1)), pageShift: 0, clear: true, bitmap: []);
            }
        }
    }

    /// <summary>Every GiB that is wholly in the range: from now on readers mark on its other side.</summary>
    public void Swap(IovaRange range)
    {
        foreach (IovaRange part in new Giants(range, CoveredEnd))
        {
            if (IsWhole(part) && _blocks[part.Start >> Geometry.BlockShift] is { } chunks)
            {
                // After the zeros of that side, which must be seen before it is marked.
                ref uint sides = ref chunks[(part.Start >> ChunkShift) & (ChunksPerBlock - 1)].Sides;
                Volatile.Write(ref sides, sides ^ (1U << (int)(part.Start >> Geometry.GiantShift)));
            }
        }
    }

    /// <summary>
    /// Collects and clears what <see cref="Swap"/> left behind, when no reader from before it is in a section any more; and live, what it did not swap.
    /// </summary>
    /// <returns>Was there any of that?</returns>
    public bool CollectSwapped(IovaRange range, int pageShift, Span<ulong> bitmap)
    {
        bool live = false;
        foreach (IovaRange part in new Giants(range, CoveredEnd))
        {
            Span<ulong> bits = Bits(part.Start, out uint sides);
            bool whole = IsWhole(part);
            live |= !whole;
            if (!bits.IsEmpty)
            {
                Read(bits[Word(part.Start, whole ? ~sides : sides)..], part, range.Start, pageShift, whole ? Clearing.Alone : Clearing.Live, bitmap);
            }
        }

        GC.KeepAlive(this);
        return live;
    }

    private ulong CoveredEnd => (ulong)_blocks.Length << Geometry.BlockShift;

    private static bool IsWhole(IovaRange part) => part.Last - part.Start == Geometry.GiantBytes - 1;

    /// <param name="bits">The word of the first page of the part, and those after it.</param>
    /// <param name="part">In one GiB.</param>
    /// <param name="origin">What the first bit of the bitmap is for.</param>
    /// <param name="pageShift">As in Collect.</param>
    /// <param name="clearing">How.</param>
    /// <param name="bitmap">Or nothing, to clear only.</param>
    private static void Read(Span<ulong> bits, IovaRange part, ulong origin, int pageShift, Clearing clearing, Span<ulong> bitmap)
    {
        ulong first = part.Start & ~(WordBytes - 1);
        int words = (int)((part.Last - first) >> WordShift) + 1;
        int same = 0;
        if (pageShift == 0 && clearing != Clearing.None && !bitmap.IsEmpty && origin % WordBytes == 0)
        {
            // Word for word: the parts, too, start with words.
            same = (int)((part.Last - part.Start + 1) >> WordShift);
            Span<ulong> into = bitmap.Slice((int)((part.Start - origin) >> WordShift), same);
            if (clearing == Clearing.Alone)
            {
                Move(bits[..same], into);
            }
            else
            {
                MoveLive(bits[..same], into);
            }
        }

        for (int word = same; word < words; word++)
        {
            int zeros = bits[word] != 0 ? 0 : bits[word..words].IndexOfAnyExcept(0UL);
            if (zeros < 0)
            {
                return;
            }

            word += zeros;
            ulong start = first + ((ulong)word << WordShift);
            ulong mask = Mask(Math.Max(start, part.Start), Math.Min(start | (WordBytes - 1), part.Last));
            ulong found = Take(ref bits[word], mask, clearing);
            if (!bitmap.IsEmpty && found != 0)
            {
                Scatter(found, (long)(start >> PageShift) - (long)(origin >> PageShift), pageShift, bitmap);
            }
        }
    }

    /// <summary>By cache lines. Zeros are not written over zeros: that would give memory to what never was marked.</summary>
    private static void Move(Span<ulong> bits, Span<ulong> into)
    {
        Span<Vector256<ulong>> from = MemoryMarshal.Cast<ulong, Vector256<ulong>>(bits);
        Span<Vector256<ulong>> to = MemoryMarshal.Cast<ulong, Vector256<ulong>>(into)[..from.Length];
        for (int i = 0; i < from.Length - 1; i += 2)
        {
            Vector256<ulong> low = from[i], high = from[i + 1];
            if ((low | high) != Vector256<ulong>.Zero)
            {
                to[i] |= low;
                to[i + 1] |= high;
                from[i] = Vector256<ulong>.Zero;
                from[i + 1] = Vector256<ulong>.Zero;
            }
        }
    }

    private static void MoveLive(Span<ulong> bits, Span<ulong> into)
    {
        for (int i = 0; i < bits.Length && i < into.Length; i++)
        {
            if (bits[i] != 0)
            {
                into[i] |= Interlocked.Exchange(ref bits[i], 0);
                continue;
            }

            int zeros = bits[i..].IndexOfAnyExcept(0UL);
            if (zeros < 0)
            {
                return;
            }

            i += zeros - 1;
        }
    }

    private static ulong Take(ref ulong word, ulong mask, Clearing clearing)
    {
        switch (clearing)
        {
            case Clearing.None:
                return Volatile.Read(ref word) & mask;
            case Clearing.Live:
                return mask == ulong.MaxValue ? Interlocked.Exchange(ref word, 0) : Interlocked.And(ref word, ~mask) & mask;
            default:
                (ulong found, word) = (word, 0);
                return found;
        }
    }

    /// <summary>Bits of pages of 4 KiB, of which the lowest is this many pages from the first of the bitmap (before it, if that bit is 0).</summary>
    private static void Scatter(ulong found, long page, int pageShift, Span<ulong> bitmap)
    {
        if (pageShift == 0)
        {
            (found, page) = page < 0 ? (found >> (int)-page, 0) : (found, page);
            int shift = (int)page & 63;
            bitmap[(int)(page >> 6)] |= found << shift;
            if (shift != 0 && found >> (64 - shift) is var rest && rest != 0)
            {
                bitmap[(int)(page >> 6) + 1] |= rest;
            }

            return;
        }

        while (found != 0)
        {
            long index = (page + BitOperations.TrailingZeroCount(found)) >> pageShift;
            bitmap[(int)(index >> 6)] |= 1UL << (int)index;
            long next = ((index + 1) << pageShift) - page;
            found = next >= 64 ? 0 : found & (ulong.MaxValue << (int)next);
        }
    }

    /// <summary>The parts of a range by GiB, as far as there may be bits.</summary>
    private ref struct Giants
    {
        private readonly ulong _last;
        private ulong _next;
        private bool _over;

        /// <param name="range">What is gone through.</param>
        /// <param name="end">No bits from here on.</param>
        public Giants(IovaRange range, ulong end)
        {
            (_next, _last) = (range.Start, Math.Min(range.Last, end - 1));
            _over = range.Start >= end;
        }

        public IovaRange Current { get; private set; }

        public readonly Giants GetEnumerator() => this;

        public bool MoveNext()
        {
            if (_over)
            {
                return false;
            }

            Current = new IovaRange(_next, Math.Min(_last, _next | (Geometry.GiantBytes - 1)));
            _over = Current.Last == _last;
            _next = Current.Last + 1;
            return true;
        }
    }
}
