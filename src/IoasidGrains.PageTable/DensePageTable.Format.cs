// Does a table enforce snooping? Its format is that of all its leaves, and can be changed under its readers.
using System.Diagnostics;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

public sealed partial class DensePageTable
{
    /// <summary>Some leaf was mapped with a format of its own. Debug builds only: nothing else asks.</summary>
    private bool _formatPerLeaf;

    /// <summary>
    /// Sets or clears SNP in every leaf, and it will be so in new ones. While it runs a reader may find either; once the epoch of the next <see cref="Advance"/> has passed,
    /// none holds the other.
    /// </summary>
    /// <returns>Leaves rewritten.</returns>
    public long SetFormat(bool enforceSnoop)
    {
        ObjectDisposedException.ThrowIf(_chunks.IsClosed, this);
        long written = EntriesWritten;
        EnforceSnoop = enforceSnoop;
        for (int block = _lowestBlock; block <= _highestBlock; block++)
        {
            ulong pointer = BlockPointer(block);
            for (int slot = 0; pointer != 0 && slot < Geometry.SlotsPerBlock; slot += Geometry.Entries)
            {
                if (GiantRecord(pointer, slot).Used != 0)
                {
                    SetFormat(_memory.Block(pointer).Slice(slot, Geometry.Entries));
                }
            }
        }

        GC.KeepAlive(this);
        return EntriesWritten - written;
    }

    /// <summary>Leaves of any size that <see cref="Map"/> writes for this; a page of 1 GiB is one. 0 for what Map refuses as it is not whole pages.</summary>
    public static long LeavesNeeded(IovaRange range, ulong physical, ulong pageSizes)
    {
        long leaves = 0;
        foreach (PageRun run in RunsOf(range, physical, pageSizes))
        {
            leaves += run.Kind switch
            {
                PageRunKind.Part => (long)((run.Last - run.Start) / Quantity.PageSize) + 1,
                PageRunKind.Tables => (long)run.Slots * Geometry.Entries,
                PageRunKind.Large => run.Slots,
                _ => run.Slots / Geometry.Entries,
            };
        }

        return leaves;
    }

    private void SetFormat(Span<ulong> slots)
    {
        foreach (ref ulong slot in slots)
        {
            if (slot == 0)
            {
                continue;
            }

            if (new IoPte(slot).IsLeaf(level: 2))
            {
                SetFormat(ref slot);
                continue;
            }

            foreach (ref ulong leaf in _memory.Table(slot))
            {
                if (leaf != 0)
                {
                    SetFormat(ref leaf);
                }
            }
        }
    }

    private void SetFormat(ref ulong leaf) => Store(ref leaf, EnforceSnoop ? leaf | IoPte.SnoopBit : leaf & ~IoPte.SnoopBit);

    private static IEnumerable<PageRun> RunsOf(IovaRange range, ulong physical, ulong pageSizes)
    {
        if (!IsWhole(range) || !Quantity.IsPageAligned(physical))
        {
            yield break;
        }

        var plan = new PagePlan(range, physical, pageSizes);
        for (ulong at = range.Start; ;)
        {
            PageRun run = plan.RunAt(at);
            yield return run;
            if (run.Last >= range.Last)
            {
                yield break;
            }

            at = run.Last + 1;
        }
    }

    [Conditional("DEBUG")]
    private void NoteFormat(bool enforceSnoop) => _formatPerLeaf |= enforceSnoop != EnforceSnoop;
}
