// The chunks of one page table, so that they are returned even if nobody disposes it.
using System.Runtime.InteropServices;

namespace IoasidGrains.PageTable;

/// <summary>A handle over a chain of chunks. Its finalizer is critical: it runs after those of ordinary objects, and the mapping waits for it.</summary>
internal sealed class ChunkSet : SafeHandle
{
    /// <summary>
    /// So that the collector hears of tables that are dropped, not disposed. Far less than a chunk takes: sweeps drop tables by the ten thousand,
    /// and a collection for every few hundred of them costs more than their memory.
    /// </summary>
    private const int PressurePerChunk = 512;

    private readonly TableMemory _memory;
    private int _chunks;
    private bool _holdsMapping;

    public ChunkSet(TableMemory memory)
        : base(0, ownsHandle: true)
    {
        _memory = memory;
        memory.AddHolder(ref _holdsMapping);
    }

    /// <summary>False: a set without chunks has its hold on the mapping to give back, too.</summary>
    public override bool IsInvalid => false;

    /// <summary>One more chunk for this set, as the number of its first table; 0 if there is none.</summary>
    public uint Take(bool huge)
    {
        uint table = _memory.TakeChunk(huge);
        if (table != 0)
        {
            _memory.Chain(table, (int)handle);
            GC.AddMemoryPressure(PressurePerChunk);
            _chunks++;
            SetHandle((nint)(table / TableMemory.TablesPerChunk));
        }

        return table;
    }

    protected override bool ReleaseHandle()
    {
        _memory.ReturnChain((int)handle);
        if (_chunks > 0)
        {
            GC.RemoveMemoryPressure((long)_chunks * PressurePerChunk);
        }

        if (_holdsMapping)
        {
            _memory.RemoveHolder();
        }

        return true;
    }
}
