// A bit per 4 KiB that was written, apart from the entries; a dense page table that tracks has one.
using System.Runtime.CompilerServices;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

/// <summary>
/// Chunks of TableMemory: each has two sides, with the bits of 32 GiB each, and takes memory where bits were set: 32 KiB per GiB and side at most. Readers mark
/// on the side that is current for a GiB, looking first, as an atomic store costs more than a load; what is on the other side when no reader marks there any
/// more is read without atomic operations (performance 4.5, 6.1). The writer adds chunks before it maps what they are for.
/// </summary>
internal sealed partial class DirtyBits(TableMemory memory) : IDisposable
{
    /// <summary>Of the bytes that one chunk, and one word, is for.</summary>
    private const int ChunkShift = 35, WordShift = 18;

    private const int ChunksPerBlock = 1 << (Geometry.BlockShift - ChunkShift);

    /// <summary>Of the words of a side.</summary>
    private const int SideShift = ChunkShift - WordShift;

    private const int WordsPerSide = 1 << SideShift;
    private const int PageShift = 12;

    private readonly ChunkSet _chunks = new(memory);

    /// <summary>By block, then by 32 GiB in it.</summary>
    private volatile Chunk[]?[] _blocks = [];

    private int _covered;

    /// <summary>Bits for all of a range; false if there is no memory for them. The writer's.</summary>
    public bool TryCover(IovaRange range)
    {
        if ((range.Last >> ChunkShift) - (range.Start >> ChunkShift) >= (ulong)(memory.ChunksLeft + _covered))
        {
            // More chunks than there are, even if all that there are here are in this range.
            return false;
        }

        for (ulong at = range.Start >> ChunkShift; at <= range.Last >> ChunkShift; at++)
        {
            Chunk[] block = BlockFor((int)(at / ChunksPerBlock));
            ref ulong pointer = ref block[at % ChunksPerBlock].Pointer;
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

                _covered++;
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
        uint sides = 0;
        for (int i = 0; i < iovas.Length; i++)
        {
            ulong iova = iovas[i];
            if (iova >> ChunkShift != current)
            {
                current = iova >> ChunkShift;
                bits = Bits(iova, out sides);
            }

            // Without bits: unmapped since it was translated, or a fault.
            int word = Word(iova, sides);
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
            Span<ulong> bits = Bits(at, out uint sides);
            if (bits.IsEmpty)
            {
                wordLast = Math.Min(last, at | ((1UL << ChunkShift) - 1));
            }
            else
            {
                Set(ref bits[Word(at, sides)], Mask(at, wordLast));
            }

            if (wordLast == last)
            {
                break;
            }

            at = wordLast + 1;
        }

        GC.KeepAlive(this);
    }

    /// <summary>Gives the memory back; nobody may be marking.</summary>
    public void Dispose() => _chunks.Dispose();

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

    /// <summary>Where the bits of an address are: which side is current is a bit per GiB.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Word(ulong iova, uint sides) =>
        ((int)(iova >> WordShift) & (WordsPerSide - 1)) | (int)((sides >> (int)(iova >> Geometry.GiantShift)) & 1) << SideShift;

    /// <summary>Both sides of the chunk of an address; empty if there is none.</summary>
    private Span<ulong> Bits(ulong iova, out uint sides)
    {
        Chunk[]?[] blocks = _blocks;
        ulong block = iova >> Geometry.BlockShift;
        sides = 0;
        if (block >= (ulong)blocks.Length || blocks[block] is not { } chunks)
        {
            return [];
        }

        ref Chunk chunk = ref chunks[(iova >> ChunkShift) & (ChunksPerBlock - 1)];
        ulong pointer = Volatile.Read(ref chunk.Pointer);
        sides = Volatile.Read(ref chunk.Sides);
        return pointer == 0 ? [] : memory.Block(pointer);
    }

    private Chunk[] BlockFor(int block)
    {
        Chunk[]?[] blocks = _blocks;
        if (block < blocks.Length && blocks[block] is { } known)
        {
            return known;
        }

        var chunks = new Chunk[ChunksPerBlock];
        Array.Resize(ref blocks, Math.Max(blocks.Length, block + 1));
        blocks[block] = chunks;
        _blocks = blocks;
        return chunks;
    }

    private struct Chunk
    {
        /// <summary>0 where there is none.</summary>
        public ulong Pointer;

        /// <summary>A bit per GiB: on which side readers mark. The other side is of zeros, but between Swap and CollectSwapped.</summary>
        public uint Sides;
    }
}
