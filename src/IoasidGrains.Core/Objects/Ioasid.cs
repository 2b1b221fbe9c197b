// An IOASID: the live address space, derived from its fd's log. It keeps page tables, units and devices as the fd wants them.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>One page table of an IOASID.</summary>
/// <param name="Sequence">The last log entry of the fd that was driven to it.</param>
public sealed record LiveTable(TableSpec Spec, long Sequence);

/// <summary>What an IOASID is now.</summary>
/// <param name="Spec">Null until it is built, and again when it is destroyed.</param>
/// <param name="Tables">By index.</param>
/// <param name="Sequence">The last log entry of the fd that was applied.</param>
public sealed record IoasidState(
    IoasidSpec? Spec, AreaMap Areas, ImmutableSortedDictionary<int, LiveTable> Tables, ImmutableSortedDictionary<DeviceId, Attachment> Attachments,
    long Sequence, long Order)
{
    public static readonly IoasidState Unbuilt = new(
        null, AreaMap.Empty, ImmutableSortedDictionary<int, LiveTable>.Empty, ImmutableSortedDictionary<DeviceId, Attachment>.Empty, -1, -1);
}

/// <summary>
/// Takes drives of its fd in the order of the fd's log. Which tables there are, and in which format, is the fd's policy; here it is done.
/// Every change goes the safe way: a page is unreachable before unmap answers, a device is disabled before its context and route go, and no entry of the
/// old format is in use when a conversion is answered.
/// </summary>
public sealed class Ioasid(ObjectId id) : KernelObject(id)
{
    private readonly IoasidId _id = IoasidId.Parse(id.Key);
    private IoasidState _state = IoasidState.Unbuilt;

    public override object State
    {
        get => _state;
        set => _state = (IoasidState)value;
    }

    public IoasidState Records => _state;

    public override bool HoldsState => _state.Spec is not null;

    public override Step Handle(Command command) => command switch
    {
        DescribeObject => Done(Describe()),
        BuildIoasid build when build.Stamp.Order < _state.Order => Done(Errno.OK),
        BuildIoasid build => Build(build),
        DestroyIoasid destroy => Destroy(destroy),
        IoasidDrive drive when drive.Stamp.Order <= _state.Order => Done(Errno.OK),
        IoasidDrive drive when drive.Previous != _state.Sequence => new Answer(Reply.NotDriven(Id)),
        AttachDevice attach => Attach(attach),
        DetachDevice detach => Detach(detach),
        MapArea map => Map(map),
        UnmapAreas unmap => Unmap(unmap),
        TrackIoasid track => Track(track),
        ReadIoasidDirty when _state.Spec is null => new Answer(Reply.NotDriven(Id)),
        ReadIoasidDirty read => ReadDirty(read),
        _ => throw NotUnderstood(command),
    };

    private static readonly IovaRange[] Everywhere = [new(0, ulong.MaxValue)];

    private PageTableId TableId(int index) => new(_id, index);

    /// <summary>Becomes what the fd says. Asked again of one that is already so, it fills its tables again: a table is who lost its records.</summary>
    private Step Build(BuildIoasid build)
    {
        _state = new IoasidState(
            build.Spec, AreaMap.Of(build.Areas),
            build.Tables.ToImmutableSortedDictionary(table => table.Index, table => new LiveTable(table, build.Stamp.Sequence)),
            build.Attachments.ToImmutableSortedDictionary(attachment => attachment.Device, attachment => attachment),
            build.Stamp.Sequence, build.Stamp.Order);
        return ForEachTable(
            (table, next) => new Call(TableId(table).Object, Fill(table, leaving: build.Leaving), _ => next()),
            () => Enable([.. Staying(build.Leaving)], 0, build.Stamp, () => Done(Errno.OK)));
    }

    /// <summary>The table as the joining device needs it, route in the table, context in the unit, then the device itself.</summary>
    private Step Attach(AttachDevice attach)
    {
        Attachment joining = attach.Attachment;
        int index = attach.Table.Index;
        LiveTable? table = _state.Tables.GetValueOrDefault(index);
        IoasidState after = Applied(attach.Stamp) with
        {
            Attachments = _state.Attachments.SetItem(joining.Device, joining),
            Tables = _state.Tables.SetItem(index, new LiveTable(attach.Table, attach.Stamp.Sequence)),
        };
        if (table is not null)
        {
            Attachment[] others = [.. UsersOf(index)];
            return Reroute(attach.Stamp, index, joining.Device, routed: true, CacheHolder.Unknown, attach.Table.EnforceSnoop, others, () =>
            {
                _state = after;
                return Enable([joining], 0, attach.Stamp, () => Done(Errno.OK));
            });
        }

        _state = after;
        return new Call(TableId(index).Object, Fill(index, fresh: true), _ => Enable([joining], 0, attach.Stamp, () => Done(Errno.OK)));
    }

    /// <summary>The device first, so that nothing is under way when context and route go; then what becomes of the table.</summary>
    private Step Detach(DetachDevice detach)
    {
        Attachment leaving = _state.Attachments[detach.Device];
        LiveTable table = _state.Tables[leaving.Table];
        IoasidState after = Applied(detach.Stamp) with
        {
            Attachments = _state.Attachments.Remove(leaving.Device),
            Tables = detach.DropsTable
                ? _state.Tables.Remove(leaving.Table)
                : _state.Tables.SetItem(leaving.Table, new LiveTable(table.Spec with { EnforceSnoop = detach.EnforceSnoop }, detach.Stamp.Sequence)),
        };
        Step Left()
        {
            _state = after;
            return Done(Errno.OK);
        }

        Attachment[] others = [.. UsersOf(leaving.Table).Where(other => other.Device != leaving.Device)];
        return new Call(leaving.Device.Object, new SetRoute(detach.Stamp, leaving.Device, null), stopped =>
            new Call(leaving.Unit.Object, new SetContext(detach.Stamp, leaving.Unit, leaving.Device, ContextEntry.Blocked), _ =>
                Reroute(detach.Stamp, leaving.Table, leaving.Device, routed: false, IncarnationOf(stopped), detach.EnforceSnoop, others, () =>
                    detach.DropsTable ? new Call(TableId(leaving.Table).Object, new DropTable(detach.Stamp, TableId(leaving.Table)), _ => Left()) : Left())));
    }

    /// <summary>
    /// One device comes to a table or goes, and the table has this format from then on. If it had another, <paramref name="then"/> comes when none of the others uses
    /// an entry of the old one, and their contexts say so.
    /// </summary>
    private Step Reroute(
        Stamp stamp, int table, DeviceId device, bool routed, long incarnation, bool enforceSnoop, Attachment[] others, Func<Step> then)
    {
        var route = new RouteDevice(stamp, _state.Tables[table].Sequence, TableId(table), device, routed, incarnation, enforceSnoop);
        bool converts = _state.Tables[table].Spec.EnforceSnoop != enforceSnoop;
        return ToTable(table, route, reply => Invalidate(
            stamp, table, Everywhere, reply.Outputs as CachedBy, () => converts ? SetContexts(stamp, table, enforceSnoop, others, 0, then) : then()));
    }

    private Step SetContexts(Stamp stamp, int table, bool enforceSnoop, Attachment[] attachments, int next, Func<Step> then) =>
        next == attachments.Length ? then() : new Call(
            attachments[next].Unit.Object,
            new SetContext(stamp, attachments[next].Unit, attachments[next].Device, ContextEntry.Translated(TableId(table), enforceSnoop)),
            _ => SetContexts(stamp, table, enforceSnoop, attachments, next + 1, then));

    private Step Map(MapArea map) => ForEachTable(
        (table, next) => ToTable(table, new MapPages(map.Stamp, _state.Tables[table].Sequence, TableId(table), map.Area), _ => next()),
        () =>
        {
            _state = Driven(map.Stamp) with { Areas = _state.Areas.Add(map.Area) };
            return Done(Errno.OK);
        });

    /// <summary>Cleared in every table, then invalidated at every device that may hold a translation, then answered (domain 6.5).</summary>
    private Step Unmap(UnmapAreas unmap) => ForEachTable(
        (table, next) => ToTable(
            table, new UnmapPages(unmap.Stamp, _state.Tables[table].Sequence, TableId(table), unmap.Ranges),
            reply => Invalidate(unmap.Stamp, table, unmap.Ranges, reply.Outputs as CachedBy, next)),
        () =>
        {
            // Built without them, if this was answered before all was lost.
            _state = Driven(unmap.Stamp) with
            {
                Areas = unmap.Ranges.Aggregate(_state.Areas, (areas, range) => areas.Find(range) is null ? areas : areas.Remove(range)),
            };
            return Done(Errno.OK);
        });

    /// <summary>What devices hold was given without being counted as written: they give it back.</summary>
    private Step Track(TrackIoasid track) => ForEachTable(
        (table, next) => ToTable(
            table, new TrackTable(track.Stamp, _state.Tables[table].Sequence, TableId(table), track.Enabled),
            reply => Invalidate(track.Stamp, table, Everywhere, reply.Outputs as CachedBy, next)),
        () =>
        {
            _state = Driven(track.Stamp) with { Spec = _state.Spec! with { TracksDirty = track.Enabled } };
            return Done(Errno.OK);
        });

    /// <summary>What was forgotten must be seen when it is written again: answered when nobody holds a translation from before. A page is dirty if it is in any table.</summary>
    private Step ReadDirty(ReadIoasidDirty read)
    {
        DirtyBitmap? found = null;
        Reply? refused = null;
        return ForEachTable(
            (table, next) => ToTable(table, new ReadTableDirty(TableId(table), read.Request, read.Range, read.PageSize, read.Clear), reply =>
            {
                if (reply.Outputs is not DirtyRead dirty)
                {
                    refused ??= reply;
                    return next();
                }

                found = found is null ? dirty.Bitmap : found with { Words = [.. found.Words.Zip(dirty.Bitmap.Words, (a, b) => a | b)] };
                return Invalidate(read.Stamp, table, [read.Range], dirty.Cached, next);
            }),
            () => refused is not null ? new Answer(refused) : Done(found!));
    }


    /// <summary>
    /// All devices at the same time. If another incarnation answers than the one that was given translations, that one is lost, and may go on where nobody
    /// sees it until its lease is over; and one that does not answer is waited for no longer than that.
    /// </summary>
    private Step Invalidate(Stamp stamp, int table, IovaRange[] ranges, CachedBy? cached, Func<Step> then)
    {
        if (cached is not { Devices: { Length: > 0 } holders })
        {
            return then();
        }

        (ObjectId, Command)[] calls =
            [.. holders.Select(holder => (holder.Device.Object, (Command)new InvalidateTranslations(stamp, holder.Device, TableId(table), ranges, cached.Number)))];
        return new CallAll(calls, holders.Max(holder => holder.LeaseLeft), replies =>
        {
            DeviceId[] lost = [.. holders.Where((holder, index) => (replies[index]?.Outputs as DeviceIncarnation)?.Number != holder.Incarnation).Select(holder => holder.Device)];
            return lost.Length == 0 ? then() : new Call(TableId(table).Object, new OutwaitLeases(TableId(table), lost), _ => then());
        });
    }

    private static long IncarnationOf(Reply reply) => reply.Outputs is DeviceIncarnation incarnation ? incarnation.Number : CacheHolder.Unknown;

    /// <summary>May follow a detach of the same append. One that started without its records drops the tables that its fd knows of.</summary>
    private Step Destroy(DestroyIoasid destroy)
    {
        if (_state.Order > destroy.Stamp.Order || (_state.Order == destroy.Stamp.Order && _state.Spec is null))
        {
            return Done(Errno.OK);
        }

        return ForEach(
            [.. _state.Tables.Keys.Union(destroy.Tables)], 0,
            (table, next) => new Call(TableId(table).Object, new DropTable(destroy.Stamp, TableId(table)), _ => next()),
            () =>
            {
                _state = IoasidState.Unbuilt with { Sequence = destroy.Stamp.Sequence, Order = destroy.Stamp.Order };
                return Done(Errno.OK);
            });
    }

    private Step Enable(Attachment[] attachments, int next, Stamp stamp, Func<Step> then)
    {
        if (next == attachments.Length)
        {
            return then();
        }

        Attachment attachment = attachments[next];
        PageTableId table = TableId(attachment.Table);
        ContextEntry context = ContextEntry.Translated(table, _state.Tables[attachment.Table].Spec.EnforceSnoop);
        var route = new DmaRoute(table, attachment.Capabilities) { ForcesSnoop = attachment.ForcesSnoop };
        return new Call(attachment.Unit.Object, new SetContext(stamp, attachment.Unit, attachment.Device, context), _ =>
            new Call(attachment.Device.Object, new SetRoute(stamp, attachment.Device, route), _ => Enable(attachments, next + 1, stamp, then)));
    }

    /// <summary>One drive to a table; a table that started without its records is filled as it was before and asked again, as often as it is lost.</summary>
    private Step ToTable(int table, Command command, Func<Reply, Step> then) => new Call(TableId(table).Object, command, reply =>
        reply.Status == ReplyStatus.NotDriven ? new Call(TableId(table).Object, Fill(table), _ => ToTable(table, command, then)) : then(reply));

    private FillTable Fill(int table, bool fresh = false, DeviceId? leaving = null) => new(
        new Stamp(_id.Fd, 0, _state.Tables[table].Sequence, _state.Order), TableId(table), _state.Spec!.Of(_state.Tables[table].Spec), [.. _state.Areas.All],
        [.. Staying(leaving).Where(attachment => attachment.Table == table).Select(attachment => attachment.Device)], fresh);

    private Step ForEachTable(Func<int, Func<Step>, Step> act, Func<Step> then) => ForEach([.. _state.Tables.Keys], 0, act, then);

    private static Step ForEach(int[] tables, int next, Func<int, Func<Step>, Step> act, Func<Step> then) =>
        next == tables.Length ? then() : act(tables[next], () => ForEach(tables, next + 1, act, then));

    private IEnumerable<Attachment> Staying(DeviceId? leaving) => _state.Attachments.Values.Where(attachment => attachment.Device != leaving);

    private IEnumerable<Attachment> UsersOf(int table) => _state.Attachments.Values.Where(attachment => attachment.Table == table);

    private IoasidState Applied(Stamp stamp) => _state with { Sequence = stamp.Sequence, Order = stamp.Order };

    /// <summary>Applied, and driven to every table.</summary>
    private IoasidState Driven(Stamp stamp) => Applied(stamp) with
    {
        Tables = _state.Tables.ToImmutableSortedDictionary(table => table.Key, table => table.Value with { Sequence = stamp.Sequence }),
    };

    private ObjectStatus Describe() => _state.Spec is not { } spec
        ? new ObjectStatus(Id, "free", "", [])
        : new ObjectStatus(
            Id, spec.PerMapping ? "per_mapping" : spec.Format.Word(),
            $"width={spec.AddressWidth} mappings={_state.Areas.Count} bytes=0x{_state.Areas.Bytes:x}"
            + (_state.Attachments.IsEmpty ? "" : $" devices={string.Join(',', _state.Attachments.Keys)}"),
            [.. _state.Tables.Keys.Select(table => TableId(table).Object)]);
}
