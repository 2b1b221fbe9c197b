// The dense table as its readers, its owner's turns and its owner's accounts need it.
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

public sealed partial class DensePageTable
{
    private readonly ReaderEpochs _epochs = new();

    /// <summary>A reader beside the writer. Any thread; not on the path of an access, it takes microseconds.</summary>
    public TableReader AddReader()
    {
        ObjectDisposedException.ThrowIf(_chunks.IsClosed, this);
        return new TableReader(this, _epochs);
    }

    /// <summary>To be called after the writer's stores.</summary>
    /// <returns>The epoch that must have passed before the writer may answer: what it took away is then in nobody's hands.</returns>
    public long Advance() => _epochs.Advance();

    /// <summary>Any thread: is no reader in a section that it entered before this epoch? Once true it stays true.</summary>
    public bool HasPassed(long epoch) => _epochs.HasPassed(epoch);

    /// <summary>No section can be entered any more, once an <see cref="Advance"/> from after this has passed. Those that are open end on their own.</summary>
    public void Revoke() => _epochs.Revoke();

    /// <summary>
    /// The entry of the 2 MiB slot that an address is in, as it is in memory: 0 for a hole or beyond the width. If it points to a leaf table the 512 entries
    /// of that are copied into <paramref name="leaf"/>. The writer's turn only.
    /// </summary>
    public ulong Fetch(ulong iova, Span<ulong> leaf)
    {
        ObjectDisposedException.ThrowIf(_chunks.IsClosed, this);
        ulong entry = IsBeyondWidth(iova) ? 0 : SlotEntry(iova);
        if (entry != 0 && !new IoPte(entry).IsLeaf(level: 2))
        {
            _memory.Table(entry).CopyTo(leaf);
        }

        GC.KeepAlive(this);
        return entry;
    }

    /// <summary>
    /// The most memory that <see cref="Map"/> will take for this, in tables of 4 KiB: leaf tables, and the part of a block for every GiB that is touched.
    /// 0 for what Map refuses as it is not whole pages.
    /// </summary>
    public static long TablesNeeded(IovaRange range, ulong physical, ulong pageSizes)
    {
        long tables = 0;
        foreach (PageRun run in RunsOf(range, physical, pageSizes))
        {
            tables += run.Kind switch { PageRunKind.Part => 1, PageRunKind.Tables => run.Slots, _ => 0 };
        }

        return !IsWhole(range) || !Quantity.IsPageAligned(physical) ? 0 : tables + (long)((range.Last >> Geometry.GiantShift) - (range.Start >> Geometry.GiantShift)) + 1;
    }
}
