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
/// <param name="firstNumber">Of this silo's invalidations; random, if there are other silos.</param>
public sealed class LocalViews(Func<long> clock, long tableLimit, Action<DmaRun> start, bool apart = false, long firstNumber = 0)
{
    private readonly ConcurrentDictionary<PageTableId, TableView> _tables = [];
    private readonly ConcurrentDictionary<GuestMemoryId, FreedPages> _memories = [];
    private long _tablesTaken;
    private long _validUntil = long.MaxValue;
    private long _lastNumber = firstNumber;

    public long Now => clock();

    /// <summary>
    /// Until when the page tables of this silo may be read and may grant leases, unless <see cref="Renew"/> is called. Who fills a lost table again elsewhere
    /// relies on it: it waits that long before it answers that something was taken away.
    /// </summary>
    public long ValidUntil => Volatile.Read(ref _validUntil);

    /// <summary>Page-table pages that are taken or kept for somebody.</summary>
    public long TablesTaken => Interlocked.Read(ref _tablesTaken);

    /// <summary>The table, or null if it is not on this silo (or not filled).</summary>
    public TableView? Find(PageTableId table) => apart ? null : _tables.GetValueOrDefault(table);

    /// <summary>What is freed of a memory, or null if that is not on this silo.</summary>
    public FreedPages? Find(GuestMemoryId memory) => _memories.GetValueOrDefault(memory);

    /// <summary>
    /// The silo has proved that it knows of all tables that were filled again elsewhere: after <see cref="EndTable"/> for those. Without a first call there is
    /// no limit: for a runner whose objects cannot live twice.
    /// </summary>
    /// <param name="until">At most <see cref="FetchTranslations.Lease"/> after the proof was asked for.</param>
    public void Renew(long until) => Volatile.Write(ref _validUntil, until);

    /// <summary>The table was filled again elsewhere: what is left of it here is used no more, at once.</summary>
    public void EndTable(PageTableId table)
    {
        if (_tables.TryRemove(table, out TableView? view))
        {
            view.End();
        }
    }

    /// <summary>Any of the tables may have been filled again elsewhere.</summary>
    public void EndTables()
    {
        foreach (PageTableId table in _tables.Keys)
        {
            EndTable(table);
        }
    }

    internal void Start(DmaRun run) => start(run);

    /// <summary>A number that no invalidation on any silo had before.</summary>
    internal long NextNumber() => Interlocked.Increment(ref _lastNumber);

    internal TableView Publish(PageTableId table, DensePageTable entries, TableAudience audience)
    {
        var view = new TableView(entries, audience, this);
        EndTable(table);
        _tables[table] = view;
        return view;
    }

    /// <summary>For the Machine, where one of these stands for many silos: the silo of this table is cut off now.</summary>
    internal void CutOff(PageTableId table)
    {
        if (_tables.TryRemove(table, out TableView? view))
        {
            view.EndAt(Now + FetchTranslations.Lease);
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
public sealed class TableView(DensePageTable table, TableAudience audience, LocalViews views)
{
    private volatile TableAudience _audience = audience;
    private long _end = long.MaxValue;

    public DensePageTable Table => table;

    /// <summary>Until when it may be read and may grant leases. What ends it is written before what renews all, and read after that.</summary>
    public long ValidUntil => Math.Min(views.ValidUntil, Volatile.Read(ref _end));

    /// <summary>It is read no more and grants nothing any more, for good.</summary>
    public bool IsEnded => Volatile.Read(ref _end) == long.MinValue;

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

    internal void EndAt(long end) => Volatile.Write(ref _end, end);

    internal void End()
    {
        EndAt(long.MinValue);
        table.Revoke();
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
