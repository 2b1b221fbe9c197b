// Where the dense table's directory, blocks and leaf tables come from, and where leaf tables go.
using System.Runtime.CompilerServices;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

public sealed partial class DensePageTable
{
    /// <summary>Freed while there were readers: of late, and before that.</summary>
    private WaitingTables _recent, _older;

    /// <summary>
    /// Leaf tables for the free list, the directory, the blocks and the dirty bits of the range; false, and none of it lost, if the memory does not suffice.
    /// </summary>
    private bool TryReserve(long tables, IovaRange range)
    {
        int first = Geometry.Block(range.Start);
        int last = Geometry.Block(range.Last);
        if ((_older.First | _recent.First) != 0)
        {
            Reclaim(tables);
        }

        if (_dirty is { } dirty && !dirty.TryCover(range))
        {
            return false;
        }

        if (tables <= _freeTables && BlockPointer(first) != 0 && first == last)
        {
            return true;
        }

        long chunks = (_directory == 0 ? 1 : 0) + (Math.Max(0, tables - _freeTables + TableMemory.TablesPerChunk - 1) / TableMemory.TablesPerChunk);
        for (int block = first; block <= last && chunks <= _memory.ChunksLeft; block++)
        {
            chunks += BlockPointer(block) == 0 ? 1 : 0;
        }

        return chunks <= _memory.ChunksLeft && TryAddDirectory() && TryAddBlocks(first, last, range) && TryAddTables(tables);
    }

    private bool TryAddDirectory()
    {
        if (_directory == 0)
        {
            uint table = _chunks.Take(huge: false);
            Volatile.Write(ref _directory, table == 0 ? 0 : PointerTo(table));
        }

        return _directory != 0;
    }

    private bool TryAddBlocks(int first, int last, IovaRange range)
    {
        for (int block = first; block <= last; block++)
        {
            if (BlockPointer(block) != 0)
            {
                continue;
            }

            ulong start = (ulong)block << Geometry.BlockShift;
            uint table = _chunks.Take(huge: range.Contains(new IovaRange(start, start + (Geometry.BlockBytes - 1))));
            if (table == 0)
            {
                return false;
            }

            _memory.Record(TableOf(_directory) + (uint)(block / Geometry.Entries)).Touched = true;
            Store(ref _memory.Block(_directory)[block], PointerTo(table));
            (_lowestBlock, _highestBlock) = (Math.Min(_lowestBlock, block), Math.Max(_highestBlock, block));
        }

        return true;
    }

    private bool TryAddTables(long tables)
    {
        // A chunk that is soon full is one page of 2 MiB; a few tables are better off with 4 KiB each.
        bool huge = tables - _freeTables >= TableMemory.TablesPerChunk / 4;
        while (_freeTables < tables)
        {
            uint table = _chunks.Take(huge);
            if (table == 0)
            {
                return false;
            }

            for (uint i = TableMemory.TablesPerChunk; i-- > 0;)
            {
                Free(table + i, stale: false);
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Dequeue(out bool stale)
    {
        uint table = _freeTable;
        ref TableRecord record = ref _memory.Record(table);
        stale = record.Stale;
        (_freeTable, _freeTables) = (record.Next, _freeTables - 1);
        record = new TableRecord { Touched = true };
        Tables++;
        return table;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Queue(uint table, bool stale)
    {
        if (_epochs.HasReaders)
        {
            Wait(table, stale);
        }
        else
        {
            Free(table, stale);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Free(uint table, bool stale)
    {
        ref TableRecord record = ref _memory.Record(table);
        (record.Next, record.Stale, record.Used) = (_freeTable, stale, 0);
        _freeTable = table;
        _freeTables++;
    }

    /// <summary>Somebody may be reading it until the next epoch has passed.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Wait(uint table, bool stale)
    {
        ref TableRecord record = ref _memory.Record(table);
        (record.Next, record.Stale, record.Used) = (_recent.First, stale, 0);
        _recent.Last = _recent.Count == 0 ? table : _recent.Last;
        (_recent.First, _recent.Count, _recent.Epoch) = (table, _recent.Count + 1, _epochs.Current + 2);
    }

    /// <summary>Takes into the free list what no reader can be in any more; begins an epoch for it only if the free list is too short.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Reclaim(long tables)
    {
        for (int list = 0; list < 2; list++)
        {
            if (_older.Count != 0)
            {
                if (_epochs.Current < _older.Epoch && tables > _freeTables)
                {
                    _epochs.Advance();
                }

                if (_epochs.Current < _older.Epoch || !_epochs.HasPassed(_older.Epoch))
                {
                    return;
                }

                _memory.Record(_older.Last).Next = _freeTable;
                (_freeTable, _freeTables) = (_older.First, _freeTables + _older.Count);
            }

            (_older, _recent) = (_recent, default);
        }
    }
}
