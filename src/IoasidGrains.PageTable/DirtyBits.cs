// A bit per 4 KiB that was written, apart from the entries; a dense page table that tracks has one.
using System.Numerics;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

/// <summary>
/// Chunks of TableMemory: each has the bits of 64 GiB and takes memory where bits were set, 32 KiB per GiB at most. The writer adds chunks before it maps
/// what they are for; readers set bits, looking first, as an atomic store costs more than a load (performance 4.5).
/// </summary>
internal sealed class DirtyBits(TableMemory memory) : IDisposable
{
    /// <summary>Of the bytes that one chunk, and one word, is for.</summary>
    private const int ChunkShift = 36, WordShift = 18;

    private const int ChunksPerBlock = 1 << (Geometry.BlockShift - ChunkShift);
    private const int WordsPerChunk = 1 << (ChunkShift - WordShift);
    private const int PageShift = 12;

    private readonly ChunkSet _chunks = new(memory);

    /// <summary>By block, then by 64 GiB in it: pointers to chunks, 0 where there is none.</summary>
    private volatile ulong[]?[] _blocks = [];

    private int _taken;

    /// <summary>Bits for all of a range; false if there is no memory for them. The writer's.</summary>
    public bool TryCover(IovaRange range)
    {
        if ((range.Last >> ChunkShift) - (range.Start >> ChunkShift) >= (ulong)(memory.ChunksLeft + _taken))
        {
            // More chunks than there are, even if all that were taken are in this range.
            return false;
        }

        for (ulong at = range.Start >> ChunkShift; at <= range.Last >> ChunkShift; at++)
        {
            ulong[] block = BlockFor((int)(at / ChunksPerBlock));
            ref ulong pointer = ref block[at % ChunksPerBlock];
            if (pointer == 0)
            {
                uint table = _chunks.Take(huge: false);
                if (table == 0)
                {
                    return false;
                }

                // Whoever takes the chunk back must not think that it is still of zeros.
                for (uint i = 0; i < TableMemory.TablesPerChunk; i++)
                {
                    memory.Record(table + i).Touched = true;
                }

                _taken++;
                Volatile.Write(ref pointer, IoPte.Table((ulong)table * TableMemory.TableBytes).Value);
            }
        }

        return true;
    }

    /// <summary>The pages of a batch that were translated.</summary>
    public void Mark(ReadOnlySpan<ulong> iovas, ReadOnlySpan<ulong> words)
    {
        ulong current = ulong.MaxValue;
        Span<ulong> bits = [];
        for (int i = 0; i < iovas.Length; i++)
        {
            ulong iova = iovas[i];
            if (iova >> ChunkShift != current)
            {
                current = iova >> ChunkShift;
                bits = Chunk(iova);
            }

            // Without bits: unmapped since it was translated, or a fault.
            int word = (int)(iova >> WordShift) & (WordsPerChunk - 1);
            if (words[i] != TranslatedWord.Fault && (uint)word < (uint)bits.Length)
            {
                Set(ref bits[word], 1UL << (int)(iova >> PageShift));
            }
        }

        GC.KeepAlive(this);
    }

    /// <summary>The pages from that of one address to that of another. Where there are no bits nothing is mapped.</summary>
    public void Mark(ulong first, ulong last)
    {
        for (ulong at = first; ;)
        {
            ulong wordLast = Math.Min(last, at | ((1UL << WordShift) - 1));
            Span<ulong> bits = Chunk(at);
            if (bits.IsEmpty)
            {
                wordLast = Math.Min(last, at | ((1UL << ChunkShift) - 1));
            }
            else
            {
                Set(ref bits[(int)(at >> WordShift) & (WordsPerChunk - 1)], Mask(at, wordLast));
            }

            if (wordLast == last)
            {
                break;
            }

            at = wordLast + 1;
        }

        GC.KeepAlive(this);
    }

    /// <summary>
    /// Ors a bit per page of 4 KiB times 2^<paramref name="pageShift"/> into the bitmap, which starts with the range; into an empty one nothing.
    /// Where it clears it does so word by word, atomically, and only words that are not 0.
    /// </summary>
    public void Collect(IovaRange range, int pageShift, bool clear, Span<ulong> bitmap)
    {
        for (ulong at = range.Start; at >> Geometry.BlockShift < (ulong)_blocks.Length;)
        {
            Span<ulong> bits = Chunk(at);
            ulong last = Math.Min(range.Last, at | ((1UL << ChunkShift) - 1));
            if (!bits.IsEmpty)
            {
                CollectChunk(bits, range.Start, new IovaRange(at, last), pageShift, clear, bitmap);
            }

            if (last == range.Last)
            {
                break;
            }

            at = last + 1;
        }

        GC.KeepAlive(this);
    }

    /// <summary>Gives the memory back; nobody may be marking.</summary>
    public void Dispose() => _chunks.Dispose();

    private static void CollectChunk(Span<ulong> bits, ulong origin, IovaRange part, int pageShift, bool clear, Span<ulong> bitmap)
    {
        int word = (int)(part.Start >> WordShift) & (WordsPerChunk - 1);
        int end = ((int)(part.Last >> WordShift) & (WordsPerChunk - 1)) + 1;
        ulong chunk = part.Start & ~((1UL << ChunkShift) - 1);
        for (; word < end; word++)
        {
            int zeros = bits[word] != 0 ? 0 : bits[word..end].IndexOfAnyExcept(0UL);
            if (zeros < 0)
            {
                return;
            }

            word += zeros;
            ulong first = chunk + ((ulong)word << WordShift);
            ulong mask = Mask(Math.Max(first, part.Start), Math.Min(first | ((1UL << WordShift) - 1), part.Last));
            ulong found = Take(ref bits[word], mask, clear);
            if (!bitmap.IsEmpty && found != 0)
            {
                Scatter(found, (long)(first >> PageShift) - (long)(origin >> PageShift), pageShift, bitmap);
            }
        }
    }

    private static ulong Take(ref ulong word, ulong mask, bool clear) =>
        !clear ? Volatile.Read(ref word) & mask
        : mask == ulong.MaxValue ? Interlocked.Exchange(ref word, 0)
        : Interlocked.And(ref word, ~mask) & mask;

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

    private static void Set(ref ulong word, ulong mask)
    {
        if ((Volatile.Read(ref word) & mask) != mask)
        {
            Interlocked.Or(ref word, mask);
        }
    }

    /// <summary>The bits of two addresses of one word, and those between.</summary>
    private static ulong Mask(ulong first, ulong last) =>
        (ulong.MaxValue << (int)(first >> PageShift)) & (ulong.MaxValue >> (63 - ((int)(last >> PageShift) & 63)));

    private Span<ulong> Chunk(ulong iova)
    {
        ulong[]?[] blocks = _blocks;
        ulong block = iova >> Geometry.BlockShift;
        ulong pointer = block < (ulong)blocks.Length && blocks[block] is { } chunks
            ? Volatile.Read(ref chunks[(iova >> ChunkShift) & (ChunksPerBlock - 1)])
            : 0;
        return pointer == 0 ? [] : memory.Block(pointer);
    }

    private ulong[] BlockFor(int block)
    {
        ulong[]?[] blocks = _blocks;
        if (block < blocks.Length && blocks[block] is { } known)
        {
            return known;
        }

        var pointers = new ulong[ChunksPerBlock];
        Array.Resize(ref blocks, Math.Max(blocks.Length, block + 1));
        blocks[block] = pointers;
        _blocks = blocks;
        return pointers;
    }
}
