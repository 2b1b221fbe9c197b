// The page-table object: who may translate through an I/O page table, and its one writer.
using System.Collections.Immutable;
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>What a page table holds; its entries follow from the areas.</summary>
/// <param name="Spec">Null until it is filled, and again when it is dropped.</param>
/// <param name="CachedBy">Devices that were given translations and may hold some of them.</param>
public sealed record PageTableState(
    IoasidSpec? Spec, AreaMap Areas, ImmutableSortedSet<DeviceId> Users, ImmutableSortedSet<DeviceId> CachedBy, long Sequence, long Order)
{
    public static readonly PageTableState Unfilled = new(null, AreaMap.Empty, [], [], -1, -1);
}

/// <summary>
/// Applies the drives of its Ioasid. Devices on its silo read the table without messages, through the view that it publishes; devices elsewhere fetch
/// entries, under a lease. What takes a translation away is answered when no reader can be using it any more.
/// </summary>
public sealed partial class PageTable(ObjectId id, LocalViews views) : KernelObject(id)
{
    /// <summary>Bits of a user address in the physical address of a leaf; above them stands which memory.</summary>
    private const int UserAddressBits = 47;

    private const long MostLeavesLookedAt = 1 << 17;

    /// <summary>Clients whose last answer of dirty pages is kept.</summary>
    private const int ReadsRemembered = 8;

    /// <summary>Of one walk along a range; a longer access takes another.</summary>
    private const int SegmentsAtOnce = 16;

    private readonly PageTableId _id = PageTableId.Parse(id.Key);
    private readonly TableLeases _leases = new(views);
    private PageTableState _state = PageTableState.Unfilled;
    private TableView? _view;
    private readonly List<(RequestId Request, DirtyRead Read)> _lastReads = [];

    /// <summary>Filled as one that was lost, and nothing was driven here since.</summary>
    private bool _followsALoss;

    /// <summary>Page-table pages that the areas need at most, and how many are kept for this table of those that the silo may use.</summary>
    private long _needed, _kept;

    public override object State
    {
        get => _state;
        set => Become((PageTableState)value);
    }

    public PageTableState Records => _state;

    /// <summary>The entries; null while unfilled.</summary>
    public IIoPageTable? Entries => _view?.Table;

    private DensePageTable? Table => _view?.Table;

    public override bool HoldsState => _state.Spec is not null;

    /// <summary>Nobody enters the table any more. Its memory goes when the last reader has left it.</summary>
    public override void Lost()
    {
        Retire();
        views.TakeTables(-_kept);
        _kept = 0;
    }

    public override Step Handle(Command command) => command switch
    {
        DescribeObject => Done(Describe()),
        Translate translate => Translate(translate),
        FetchTranslations fetch => Fetch(fetch),
        KeepTranslations keep => Keep(keep),
        OutwaitLeases outwait => Outwait(outwait),
        ReserveTables reserve => Reserve(reserve),
        FillTable fill => Fill(fill),
        DropTable drop => Drop(drop),
        // Asked again because its answer was lost: who has cached is not known any more, so everybody may have.
        ReadTableDirty read => ReadDirty(read),
        UnmapPages or TrackTable when ((TableDrive)command).Stamp.Order <= _state.Order => AfterReaders(() =>
            Done(Told(_state.Users))),
        // The same for a conversion; one that was none invalidates in vain.
        RouteDevice route when route.Stamp.Order <= _state.Order => AfterReaders(() => Done(Told(_state.Users.Remove(route.Device)))),
        TableDrive drive when drive.Stamp.Order <= _state.Order => Done(Errno.OK),
        TableDrive drive when drive.Previous != _state.Sequence => new Answer(Reply.NotDriven(Id)),
        RouteDevice route => Route(route),
        MapPages map => Map(map),
        UnmapPages unmap => Unmap(unmap),
        TrackTable track => Track(track),
        _ => throw NotUnderstood(command),
    };

    private Step Fill(FillTable fill)
    {
        if (_view is { IsEnded: false } && fill.Stamp.Order <= _state.Order)
        {
            return Done(Errno.OK);
        }

        // Whoever used a table that was here before, or on a silo that is gone, may still hold its translations.
        ImmutableSortedSet<DeviceId> cachedBy = fill.Fresh ? _state.CachedBy : _state.CachedBy.Union(fill.Users);
        if (!fill.Fresh)
        {
            _leases.FollowALoss();
        }

        _followsALoss = !fill.Fresh;
        Completion? left = Become(new PageTableState(
            fill.Spec, AreaMap.Of(fill.Areas), [.. fill.Users], cachedBy, fill.Stamp.Sequence, fill.Stamp.Order));
        return After(left, () => Done(Errno.OK));
    }

    private Step Drop(DropTable drop)
    {
        if (drop.Stamp.Order < _state.Order)
        {
            return Done(Errno.OK);
        }

        Completion? left = Become(PageTableState.Unfilled with { Sequence = drop.Stamp.Sequence, Order = drop.Stamp.Order });
        return After(left, () => Done(Errno.OK));
    }

    private Step Route(RouteDevice route)
    {
        CachedBy? converted = Convert(route);
        _state = Applied(route.Stamp) with
        {
            Users = route.Routed ? _state.Users.Add(route.Device) : _state.Users.Remove(route.Device),
            CachedBy = route.Routed ? _state.CachedBy : _state.CachedBy.Remove(route.Device),
        };
        ShowAudience();
        if (route.Routed)
        {
            return converted is null ? Done(Errno.OK) : AfterReaders(() => Done(converted));
        }

        // The incarnation that was told to stop has; another one may go on until its lease is over.
        Completion? over = _leases.HolderOf(route.Device) is var holder && holder != route.Incarnation ? _leases.Over(route.Device) : null;
        _leases.Remove(route.Device);
        return AfterReaders(() => After(over, () => converted is null ? Done(Errno.OK) : Done(converted)));
    }

    /// <summary>Rewrites all leaves if they are to have the other format; who may hold some of them as they were. Null: they have it already.</summary>
    private CachedBy? Convert(RouteDevice route)
    {
        if (_state.Spec!.EnforceSnoop == route.EnforceSnoop)
        {
            return null;
        }

        _state = _state with { Spec = _state.Spec with { EnforceSnoop = route.EnforceSnoop } };
        Table!.SetFormat(route.EnforceSnoop);
        return Told(_state.CachedBy.Remove(route.Device));
    }

    private Step Map(MapPages map)
    {
        _state = Applied(map.Stamp) with { Areas = _state.Areas.Add(map.Area) };

        // Who reads an entry must find the memory that it leads to.
        ShowAudience();
        Write(Table!, map.Area);
        _needed += TableNeed.Of(_state.Spec!, map.Area);
        FitKept();
        return Done(Errno.OK);
    }

    private Step Unmap(UnmapPages unmap)
    {
        CachedBy cached = Told(_state.CachedBy);
        AreaMap areas = _state.Areas;
        foreach (IovaRange range in unmap.Ranges)
        {
            if (areas.Find(range) is not { } area)
            {
                // Filled without it: it was unmapped before the table was lost.
                continue;
            }

            _needed -= TableNeed.Of(_state.Spec!, area);
            areas = areas.Remove(range);
            Invariant.Check(Table!.Unmap(range) == Errno.OK, $"{Id} cannot unmap its own area {range}.");
        }

        // They are told of these ranges only: as long as its lease lasts a device may hold others.
        _state = Applied(unmap.Stamp) with { Areas = areas, CachedBy = _state.CachedBy.Except(_state.CachedBy.Where(_leases.IsOver)) };
        FitKept();
        return AfterReaders(() => Done(cached));
    }

    private Step Outwait(OutwaitLeases outwait)
    {
        if (Table is null)
        {
            // It was lost since it gave these devices translations, and with it until when they may use them.
            _leases.FollowALoss();
        }

        return After(_leases.OverSinceTold(outwait.Devices), () => Done(Errno.OK));
    }

    private Step Track(TrackTable track)
    {
        CachedBy cached = Told(_state.CachedBy);
        Errno errno = Table!.SetDirtyTracking(track.Enabled);
        Invariant.Check(errno == Errno.OK, $"{Id} cannot track what is written: {errno}.");
        if (track.Enabled && _followsALoss)
        {
            // This may have been answered by the table that was lost, and pages written since.
            MarkAllDirty(Table!);
        }

        _state = Applied(track.Stamp) with { Spec = _state.Spec! with { TracksDirty = track.Enabled }, CachedBy = [] };
        return AfterReaders(() => Done(cached));
    }

    /// <summary>For the Ioasid: which of these devices it must tell of an invalidation.</summary>
    private CachedBy Told(IEnumerable<DeviceId> devices)
    {
        long number = views.NextNumber();
        return new CachedBy(_leases.Tell(devices, number), number);
    }

    /// <summary>Goes on when no reader is in a section that may have read what this turn took away.</summary>
    private Step AfterReaders(Func<Step> then) => After(Table is { } table ? new ReadersGone(table, table.Advance()) : null, then);

    /// <summary>Keeps page-table pages for what the fd is about to commit.</summary>
    private Step Reserve(ReserveTables reserve)
    {
        if (reserve.Filled && Table is null)
        {
            return new Answer(Reply.NotDriven(Id, _id.Ioasid.Fd));
        }

        long missing = _needed + reserve.Tables - _kept;
        if (missing > 0 && !views.TryTakeTables(missing))
        {
            return Done(Errno.ENOMEM);
        }

        _kept += Math.Max(0, missing);
        return Done(Errno.OK);
    }

    /// <summary>Keeps what the areas need and no more; what is committed is never refused.</summary>
    private void FitKept()
    {
        views.TakeTables(_needed - _kept);
        _kept = _needed;
    }

    /// <summary>A table that follows another one: its readers must be gone before anybody relies on the new one.</summary>
    private Completion? Become(PageTableState state)
    {
        Completion? left = Retire();
        _state = state;
        if (state.Spec is { } spec)
        {
            var table = new DensePageTable(spec.AddressWidth, spec.EnforceSnoop, spec.PageSizes);
            _lastReads.Clear();
            foreach (Area area in state.Areas.All)
            {
                Write(table, area);
            }

            // Which pages were written is lost with the table that knew it: all may have been.
            if (spec.TracksDirty)
            {
                Invariant.Check(table.SetDirtyTracking(true) == Errno.OK, $"{Id} cannot track what is written.");
                MarkAllDirty(table);
            }

            _view = views.Publish(_id, table, Audience());
        }

        _needed = state.Spec is { } filled ? TableNeed.Of(filled, state.Areas) : 0;
        FitKept();
        return left;
    }

    private Completion? Retire()
    {
        if (_view is not { } view)
        {
            return null;
        }

        views.Withdraw(_id, view);
        _view = null;
        view.Table.Revoke();
        var left = new ReadersGone(view.Table, view.Table.Advance());
        if (left.IsReached)
        {
            // Nobody is in it and nobody can enter it; else its memory goes with the last reader.
            view.Table.Dispose();
            return null;
        }

        return left;
    }

    private void ShowAudience()
    {
        if (_view is { } view && !(view.Audience.Users == _state.Users && view.Audience.Memories.SequenceEqual(_state.Areas.Memories.Select(slot => slot.Memory))))
        {
            view.Audience = Audience();
        }
    }

    private TableAudience Audience() => new(_state.Users, [.. _state.Areas.Memories.Select(slot => slot.Memory)]);

    private void Write(DensePageTable table, Area area) => Invariant.Check(
        table.Map(area.Range, PhysicalOf(area.Memory), area.Access, _state.Spec!.Enforces(area)) == Errno.OK, $"{Id} cannot map {area.Range}, which its fd has accepted.");

    private ulong PhysicalOf(UserAddress memory) => ((ulong)_state.Areas.SlotOf(memory.Memory) << UserAddressBits) | memory.Offset;

    /// <summary>The state after one more drive: the first after a fill may be one that was answered before the table was lost, the next ones are not.</summary>
    private PageTableState Applied(Stamp stamp)
    {
        _followsALoss = false;
        return _state with { Sequence = stamp.Sequence, Order = stamp.Order };
    }

    private void MarkAllDirty(DensePageTable table)
    {
        foreach (Area area in _state.Areas.All)
        {
            table.MarkDirty(area.Range.Start, area.Range.Length);
        }
    }

    private ObjectStatus Describe() => _state.Spec is not { } spec
        ? new ObjectStatus(Id, "dropped", "", [])
        : new ObjectStatus(
            Id, FormatOfLeaves(spec),
            $"mappings={_state.Areas.Count} bytes=0x{_state.Areas.Bytes:x} leaves={Table!.LeafCount} tables={Table.Tables}" + (_state.Users.IsEmpty ? "" : $" users={string.Join(',', _state.Users)}"), []);

    /// <summary>What the leaves say, not what they should: a mixed table would be a bug. A table too big to look at in one turn is what it was made as.</summary>
    private string FormatOfLeaves(IoasidSpec spec)
    {
        if (Table!.LeafCount > MostLeavesLookedAt || spec.PerMapping)
        {
            return spec.PerMapping ? "per_mapping" : spec.EnforceSnoop ? "enforcing" : "plain";
        }

        ulong mapped = 0;
        bool uniform = true;
        foreach ((_, ulong size, IoPte pte) in Table!.Leaves())
        {
            mapped += size;
            uniform &= pte.Snp == spec.EnforceSnoop;
        }

        Invariant.Check(mapped == _state.Areas.Bytes, $"{Id} maps {mapped} bytes for areas of {_state.Areas.Bytes}.");
        return !uniform ? "mixed" : spec.EnforceSnoop ? "enforcing" : "plain";
    }
}
