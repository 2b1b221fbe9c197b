// What the objects of one silo, or of one Machine, show each other without messages: page tables, freed pages, the clock of leases, runs of workloads.
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// One per silo (or Machine); made by its runner. A device finds here the page table that it is routed to, if that is on the same silo: it then reads it
/// without messages. Safe for any thread.
/// </summary>
/// <param name="clock">Nanoseconds that never fall, as leases count them.</param>
/// <param name="tableLimit">How many page-table pages of 4 KiB all page tables together may take.</param>
/// <param name="start">Takes a run to its end, beside the turns of its device.</param>
/// <param name="apart">Nothing is shown: every object behaves as if it were alone on its silo.</param>
public sealed class LocalViews(Func<long> clock, long tableLimit, Action<DmaRun> start, bool apart = false)
{
    private readonly ConcurrentDictionary<PageTableId, TableView> _tables = [];
    private readonly ConcurrentDictionary<GuestMemoryId, FreedPages> _memories = [];
    private long _tablesTaken;

    public long Now => clock();

    /// <summary>Page-table pages that are taken or kept for somebody.</summary>
    public long TablesTaken => Interlocked.Read(ref _tablesTaken);

    /// <summary>The table, or null if it is not on this silo (or not filled).</summary>
    public TableView? Find(PageTableId table) => _tables.GetValueOrDefault(table);

    /// <summary>What is freed of a memory, or null if that is not on this silo.</summary>
    public FreedPages? Find(GuestMemoryId memory) => _memories.GetValueOrDefault(memory);

    internal void Start(DmaRun run) => start(run);

    internal void Publish(PageTableId table, TableView view)
    {
        if (!apart)
        {
            _tables[table] = view;
        }
    }

    internal void Publish(GuestMemoryId memory, FreedPages pages)
    {
        if (!apart)
        {
            _memories[memory] = pages;
        }
    }

    /// <summary>Only if it is still the one that is shown: another activation may have come since.</summary>
    internal void Withdraw(PageTableId table, TableView view) => _tables.TryRemove(new KeyValuePair<PageTableId, TableView>(table, view));

    internal void Withdraw(GuestMemoryId memory, FreedPages pages) => _memories.TryRemove(new KeyValuePair<GuestMemoryId, FreedPages>(memory, pages));

    /// <summary>Takes page-table pages out of what is left; false, and none taken, if there are not so many.</summary>
    internal bool TryTakeTables(long count)
    {
        if (Interlocked.Add(ref _tablesTaken, count) <= tableLimit)
        {
            return true;
        }

        Interlocked.Add(ref _tablesTaken, -count);
        return false;
    }

    /// <summary>Takes them whatever is left: what was committed must arrive. A negative count gives back.</summary>
    internal void TakeTables(long count) => Interlocked.Add(ref _tablesTaken, count);
}

/// <summary>A page table as devices of its silo see it.</summary>
public sealed class TableView(DensePageTable table, TableAudience audience)
{
    private volatile TableAudience _audience = audience;

    public DensePageTable Table => table;

    /// <summary>A reader of the table; false if that is gone since the view was found.</summary>
    public bool TryRead([NotNullWhen(true)] out TableReader? reader)
    {
        try
        {
            reader = table.AddReader();
            return true;
        }
        catch (ObjectDisposedException)
        {
            reader = null;
            return false;
        }
    }

    /// <summary>Replaced as a whole, by the turns of the PageTable object.</summary>
    public TableAudience Audience
    {
        get => _audience;
        internal set => _audience = value;
    }
}

/// <summary>Who may read a page table, and which memory the high bits of its physical addresses mean.</summary>
public sealed record TableAudience(ImmutableSortedSet<DeviceId> Users, GuestMemoryId[] Memories);
