// The I/O page table in dense arrays: one entry per 2 MiB in flat blocks of 512 GiB, and leaf tables of 512 entries. The PageTable object uses it.
using System.Runtime.CompilerServices;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

/// <summary>
/// A translation is two loads, one for a page of 2 MiB; a page of 1 GiB is 512 entries of 2 MiB that say so in a software bit. One writer. Empty, it
/// owns no native memory; after that a block and the directory stay until Dispose, a leaf table only while something is mapped in it.
/// </summary>
/// <remarks>
/// What is not said to be for any thread is the writer's alone; others read through a <see cref="TableReader"/>, without locks: a leaf table is filled before
/// the entry that points to it is stored, that entry is 0 before the table is queued, a queued table is used again only when every reader's section of an
/// older epoch is over, and every store into what is reachable is an aligned one of 8 bytes (performance 6.2, invariants 1 and 2).
/// </remarks>
public sealed partial class DensePageTable : IIoPageTable
{
    private readonly ulong _pageSizes;
    private readonly TableMemory _memory;
    private readonly ChunkSet _chunks;

    /// <summary>Pointer to the directory of blocks; 0 while there is none. A VT-d pointer, as all of them.</summary>
    private ulong _directory;

    /// <summary>The blocks that exist are among these.</summary>
    private int _lowestBlock = int.MaxValue, _highestBlock = -1;

    /// <summary>Free leaf tables: the first one's number, and how many.</summary>
    private uint _freeTable;
    private long _freeTables;

    /// <param name="addressWidth">39, 48 or 57.</param>
    /// <param name="enforceSnoop">Leaves carry SNP.</param>
    /// <param name="pageSizes">Bitmap in bytes of what the unit can do; 4 KiB must be in it, and what VT-d does not have is passed over.</param>
    /// <param name="memory">Where its tables are to be; <see cref="TableMemory.Shared"/> if null.</param>
    public DensePageTable(int addressWidth, bool enforceSnoop, ulong pageSizes, TableMemory? memory = null)
    {
        if (addressWidth is not (39 or 48 or 57) || (pageSizes & Quantity.PageSize) == 0)
        {
            throw new ArgumentException($"No VT-d table has width {addressWidth} and page sizes 0x{pageSizes:x}.");
        }

        AddressWidth = addressWidth;
        EnforceSnoop = enforceSnoop;
        _pageSizes = pageSizes;
        _memory = memory ?? TableMemory.Shared;
        _chunks = new ChunkSet(_memory);
    }

    public int AddressWidth { get; }

    public bool EnforceSnoop { get; private set; }

    public long LeafCount { get; private set; }

    public long EntriesWritten { get; private set; }

    public int Tables { get; private set; }

    public Errno Map(IovaRange range, ulong physical, DmaAccess access) => Map(range, physical, access, EnforceSnoop);

    /// <summary>The same, with leaves of a format of their own.</summary>
    public Errno Map(IovaRange range, ulong physical, DmaAccess access, bool enforceSnoop)
    {
        ObjectDisposedException.ThrowIf(_chunks.IsClosed, this);
        if (!IsWhole(range) || !Quantity.IsPageAligned(physical) || access is not (DmaAccess.Read or DmaAccess.Write or DmaAccess.ReadWrite))
        {
            return Errno.EINVAL;
        }

        if (IsBeyondWidth(range.Last) || physical >= IoPte.PhysicalEnd || range.Last - range.Start >= IoPte.PhysicalEnd - physical)
        {
            return Errno.EFAULT;
        }

        // Modulo 2^64: what is added to an IOVA to make its entry.
        ulong toEntry = physical - range.Start + (ulong)access + (enforceSnoop ? IoPte.SnoopBit : 0);
        NoteFormat(enforceSnoop);
        Errno errno = IsPart(range) ? MapPart(range, toEntry) : MapRuns(new PagePlan(range, physical, _pageSizes), range, toEntry);
        CheckSlots(range);
        GC.KeepAlive(this);
        return errno;
    }

    public Errno Unmap(IovaRange range)
    {
        ObjectDisposedException.ThrowIf(_chunks.IsClosed, this);
        if (!IsWhole(range))
        {
            return Errno.EINVAL;
        }

        if (IsBeyondWidth(range.Last))
        {
            return Errno.EFAULT;
        }

        Errno errno = IsPart(range) ? ClearPart(range) : ClearBlocks(range);
        if (errno == Errno.OK)
        {
            // As with a hardware table, whose D bits go with its entries. A reader that is in a section may yet mark a page: a mark too many is allowed.
            _dirty?.Collect(range, pageShift: 0, clear: true, bitmap: []);
        }

        CheckSlots(range);
        GC.KeepAlive(this);
        return errno;
    }

    /// <summary>Gives all memory back; afterwards nothing is mapped and nobody reads.</summary>
    /// <exception cref="InvalidOperationException">A reader is in a section: revoke, and wait for that epoch, before.</exception>
    public void Dispose()
    {
        Revoke();
        if (!HasPassed(Advance()))
        {
            throw new InvalidOperationException("A page table is disposed while somebody reads it.");
        }

        _dirty?.Dispose();
        _dirty = null;
        (_recent, _older) = (default, default);
        (_directory, _freeTable, _freeTables) = (0, 0, 0);
        (_lowestBlock, _highestBlock) = (int.MaxValue, -1);
        (LeafCount, Tables) = (0, 0);
        _chunks.Dispose();
    }

    /// <summary>
    /// For tests: the entry itself, to plant what Map never writes: a leaf table's (level 1, the table must be there) or a slot's (level 2).
    /// Counters do not notice.
    /// </summary>
    internal ref ulong RawEntry(ulong iova, int level)
    {
        ref ulong slot = ref _memory.Block(BlockPointer(Geometry.Block(iova)))[Geometry.Slot(iova)];
        return ref level == 2 ? ref slot : ref _memory.Table(slot)[Geometry.Entry(iova)];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsWhole(IovaRange range) =>
        range.Start <= range.Last && Quantity.IsPageAligned(range.Start) && Quantity.IsPageAligned(range.Last + 1);

    /// <summary>All in one slot, and not the whole of it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsPart(IovaRange range) =>
        range.Start >> Geometry.SlotShift == range.Last >> Geometry.SlotShift && range.Last - range.Start != Geometry.SlotBytes - 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsBeyondWidth(ulong iova) => iova >> AddressWidth != 0;

    /// <summary>0 where there is none, which leads to zeros. The first block by a branch: it is predicted, so a walk need not wait for the directory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong BlockPointer(int block) => block == 0 ? _memory.Block(_directory)[0] : _memory.Block(_directory)[block];

    /// <summary>The entry of a slot; 0 where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong SlotEntry(ulong iova) => _memory.Block(BlockPointer(Geometry.Block(iova)))[Geometry.Slot(iova)];

    /// <summary>The record of the 4 KiB of a block that hold one GiB.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref TableRecord GiantRecord(ulong blockPointer, int slot) => ref _memory.Record(TableOf(blockPointer) + (uint)(slot / Geometry.Entries));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint TableOf(ulong pointer) => (uint)((pointer & IoPte.AddressMask) / TableMemory.TableBytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong PointerTo(uint table) => IoPte.Table((ulong)table * TableMemory.TableBytes).Value;
}
