// The memory that page tables live in: chunks of 2 MiB in one reservation of address space; shared by all page tables of a process.
namespace IoasidGrains.PageTable;

/// <summary>
/// A chunk is either 512 leaf tables or a block: 262,144 entries for 512 GiB of IOVA. A table entry holds the distance in bytes from the start of
/// this memory, in the place where VT-d has an address. Chunk 0 is never handed out, reads as zero and cannot be written: an absent entry leads there,
/// so a walk needs no branch for holes. Everything is lazy: a chunk takes memory only where it was touched.
/// </summary>
/// <remarks>Any thread may take and give back chunks; what is in a chunk belongs to the one page table that took it.</remarks>
public sealed partial class TableMemory : IDisposable
{
    internal const int TableBytes = 4096;
    internal const int TablesPerChunk = 512;
    internal const ulong ChunkBytes = TableBytes * TablesPerChunk;

    /// <summary>Made usable at a time, so that the kernel is seldom asked.</summary>
    private const int ChunksPerGrowth = 32;

    /// <summary>A chunk with at most this many touched tables is wiped by hand and stays warm; more than that go back to the kernel.</summary>
    private const int WarmTables = 16;

    /// <summary>How many chunks may stay warm: at most 16 MiB.</summary>
    private const int WarmChunks = 256;

    private const ulong SharedBytes = 1UL << 40;
    private static readonly Lazy<TableMemory> LazyShared = new(() => new TableMemory(SharedBytes));

    private readonly Lock _gate = new();
    private readonly int _chunks;
    private readonly uint _tables;
    private readonly ulong _bytes;
    private int _usable = 1;
    private int _fresh = 1;
    private int _freeCold;
    private int _freeWarm;
    private int _warm;

    /// <param name="bytes">
    /// The most that tables may take, 2 MiB to 1 TiB: address space, counted in chunks. A table that is not empty holds at least three of them.
    /// </param>
    /// <exception cref="OutOfMemoryException">So much address space is not to be had.</exception>
    public TableMemory(ulong bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, ChunkBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, SharedBytes);
        _chunks = (int)(bytes / ChunkBytes) + 1;
        _tables = (uint)_chunks * TablesPerChunk;
        _bytes = (ulong)_chunks * ChunkBytes;
        _mapping = Reserve(_chunks);
    }

    /// <summary>What tables use that were not given a memory: 1 TiB of address space, enough for 300 TiB mapped in pages of 4 KiB.</summary>
    public static TableMemory Shared => LazyShared.Value;

    /// <summary>Chunks that are in use by page tables.</summary>
    public int ChunksInUse { get; private set; }

    /// <summary>How many more there are.</summary>
    internal int ChunksLeft => _chunks - 1 - ChunksInUse;

    /// <summary>Unmaps it as soon as the last page table in it is gone.</summary>
    public void Dispose() => _mapping.Dispose();

    /// <summary>Keeps the mapping for a ChunkSet.</summary>
    /// <exception cref="ObjectDisposedException">It is unmapped.</exception>
    internal void AddHolder(ref bool holds) => _mapping.DangerousAddRef(ref holds);

    internal void RemoveHolder() => _mapping.DangerousRelease();

    /// <summary>A chunk of zeros, as the table number of its first table; 0 if the memory is used up.</summary>
    /// <param name="huge">It will be filled: a page of 2 MiB serves it better.</param>
    internal uint TakeChunk(bool huge)
    {
        lock (_gate)
        {
            if (ChunksLeft == 0)
            {
                return 0;
            }

            int chunk = TakeWarm();
            chunk = chunk != 0 ? chunk : TakeCold();
            ChunksInUse++;
            if (huge)
            {
                Link(chunk) = new ChunkLink { Huge = true };
                _mapping.PreferHugePages((ulong)chunk * ChunkBytes, ChunkBytes, huge: true);
            }

            return (uint)chunk * TablesPerChunk;
        }
    }

    /// <summary>Remembers that a chunk's owner took <paramref name="next"/> before it.</summary>
    internal void Chain(uint table, int next) => Link((int)(table / TablesPerChunk)).Next = next;

    /// <summary>Takes a chain of chunks back; nobody reads them any more.</summary>
    internal void ReturnChain(int chunk)
    {
        lock (_gate)
        {
            while (chunk != 0)
            {
                int next = Link(chunk).Next;
                Return(chunk);
                chunk = next;
            }
        }
    }

    private int TakeWarm()
    {
        int chunk = _freeWarm;
        if (chunk != 0)
        {
            (_freeWarm, _warm) = (Link(chunk).Next, _warm - 1);
        }

        return chunk;
    }

    private int TakeCold()
    {
        int chunk = _freeCold;
        if (chunk != 0)
        {
            _freeCold = Link(chunk).Next;
            return chunk;
        }

        if (_fresh == _usable)
        {
            int growth = Math.Min(ChunksPerGrowth, _chunks - _usable);
            MakeUsable(_usable, growth);
            _usable += growth;
        }

        return _fresh++;
    }

    private void Return(int chunk)
    {
        ref ChunkLink link = ref Link(chunk);
        if (!link.Huge && _warm < WarmChunks && TryWipe(chunk))
        {
            link = new ChunkLink { Next = _freeWarm };
            (_freeWarm, _warm) = (chunk, _warm + 1);
        }
        else
        {
            Forget(chunk, link.Huge);
            link = new ChunkLink { Next = _freeCold };
            _freeCold = chunk;
        }

        ChunksInUse--;
    }

    /// <summary>8 bytes per chunk: the list it is in, and how its memory was asked for.</summary>
    private struct ChunkLink
    {
        public int Next;
        public bool Huge;
    }
}
