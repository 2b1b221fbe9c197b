// The part of TableMemory that turns table numbers and entries into spans: every access by a page table that is not a gather goes through here.
using System.Runtime.CompilerServices;

namespace IoasidGrains.PageTable;

public sealed unsafe partial class TableMemory
{
    private readonly LinuxMapping _mapping;

    // SAFETY: set once, by the constructor, to parts of the reservation.
    private byte* _start;
    private TableRecord* _records;
    private ChunkLink* _links;

    /// <summary>Where the distances in entries count from. Valid until the owner of the tables returns them.</summary>
    internal byte* Start => _start;

    /// <summary>The 512 entries that a table entry points to; the zeros of chunk 0 for an entry that is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Span<ulong> Table(ulong entry)
    {
        ulong offset = Checked(entry & IoPte.AddressMask);
        // SAFETY: offset is aligned to 4 KiB and below the end of the chunks; chunks are mapped for as long as a page table holds them,
        // and chunk 0 for as long as the memory exists.
        return new Span<ulong>(_start + offset, TableBytes / sizeof(ulong));
    }

    /// <summary>The 262,144 entries of a block; the zeros of chunk 0 for an entry that is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Span<ulong> Block(ulong entry)
    {
        ulong offset = Checked(entry & IoPte.AddressMask & ~(ChunkBytes - 1));
        // SAFETY: offset is that of a whole chunk below the end of the chunks; else as in Table.
        return new Span<ulong>(_start + offset, (int)(ChunkBytes / sizeof(ulong)));
    }

    /// <summary>The record of a table by its number, which is its distance in tables.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref TableRecord Record(uint table)
    {
        if (table >= _tables)
        {
            ThrowStray((ulong)table * TableBytes);
        }

        // SAFETY: there is a record for every table of every chunk, mapped together with the chunk.
        return ref _records[table];
    }

    private ref ChunkLink Link(int chunk)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)chunk, (uint)_chunks);
        // SAFETY: there is a link for every chunk, mapped from the start.
        return ref _links[chunk];
    }

    /// <summary>Chunks, then records, then links; all of it aligned to chunks.</summary>
    private LinuxMapping Reserve(int chunks)
    {
        ulong records = (ulong)chunks * ChunkBytes;
        ulong links = records + ((ulong)chunks * TablesPerChunk * (ulong)sizeof(TableRecord));
        ulong end = links + ((((ulong)chunks * (ulong)sizeof(ChunkLink)) + TableBytes - 1) & ~(ulong)(TableBytes - 1));
        var mapping = new LinuxMapping(end, ChunkBytes);

        // SAFETY: all three are inside the reservation of `end` bytes.
        _start = mapping.Start;
        _records = (TableRecord*)(mapping.Start + records);
        _links = (ChunkLink*)(mapping.Start + links);
        mapping.AllowRead(0, ChunkBytes);
        mapping.AllowWrite(links, end - links);
        return mapping;
    }

    private void MakeUsable(int chunk, int count)
    {
        _mapping.AllowWrite((ulong)chunk * ChunkBytes, (ulong)count * ChunkBytes);
        _mapping.AllowWrite(RecordsOffset(chunk), (ulong)count * TablesPerChunk * (ulong)sizeof(TableRecord));
    }

    /// <summary>Zeroes the touched tables of a chunk and all its records; false if that is more work than giving the memory back.</summary>
    private bool TryWipe(int chunk)
    {
        Span<TableRecord> records = Records(chunk);
        int touched = 0;
        foreach (TableRecord record in records)
        {
            touched += record.Touched ? 1 : 0;
        }

        for (int i = 0; i < records.Length && touched <= WarmTables; i++)
        {
            if (records[i].Touched)
            {
                Table((((ulong)chunk * TablesPerChunk) + (ulong)i) * TableBytes).Clear();
            }
        }

        records.Clear();
        return touched <= WarmTables;
    }

    private void Forget(int chunk, bool huge)
    {
        _mapping.Forget((ulong)chunk * ChunkBytes, ChunkBytes);
        _mapping.Forget(RecordsOffset(chunk), (ulong)TablesPerChunk * (ulong)sizeof(TableRecord));
        if (huge)
        {
            _mapping.PreferHugePages((ulong)chunk * ChunkBytes, ChunkBytes, huge: false);
        }
    }

    // SAFETY: the records of a chunk follow each other, and there are 512 for each.
    private Span<TableRecord> Records(int chunk) => new(_records + ((long)chunk * TablesPerChunk), TablesPerChunk);

    // SAFETY: a difference of two pointers into the same reservation.
    private ulong RecordsOffset(int chunk) => (ulong)((byte*)(_records + ((long)chunk * TablesPerChunk)) - _start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Checked(ulong offset)
    {
        if (offset >= _bytes)
        {
            ThrowStray(offset);
        }

        return offset;
    }

    private static void ThrowStray(ulong offset) =>
        throw new InvalidOperationException($"An entry points to 0x{offset:x}, where no table can be.");
}
