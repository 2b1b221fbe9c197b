// An IOASID: the live address space, derived from its fd's log. It keeps page tables, units and devices as the fd wants them.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>What an IOASID is now.</summary>
/// <param name="Spec">Null until it is built, and again when it is destroyed.</param>
/// <param name="Sequence">The last log entry of the fd that was applied.</param>
/// <param name="TableSequence">The last one that was driven to the page table; -1 while there is no table.</param>
public sealed record IoasidState(
    IoasidSpec? Spec, AreaMap Areas, ImmutableSortedDictionary<DeviceId, Attachment> Attachments, long Sequence, long Order, long TableSequence)
{
    public const long NoTable = -1;

    public static readonly IoasidState Unbuilt =
        new(null, AreaMap.Empty, ImmutableSortedDictionary<DeviceId, Attachment>.Empty, -1, -1, NoTable);
}

/// <summary>
/// Takes drives of its fd in the order of the fd's log. A table is made when the first device comes and lives until FREE.
/// Every change goes the safe way: a page is unreachable before unmap answers, a device is disabled before its context and route go.
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

    private PageTableId Table => new(_id, 0);

    private bool HasTable => _state.TableSequence != IoasidState.NoTable;

    /// <summary>Becomes what the fd says. Asked again of one that is already so, it fills its table again: the table is who lost its records.</summary>
    private Step Build(BuildIoasid build)
    {
        _state = new IoasidState(
            build.Spec, AreaMap.Of(build.Areas), build.Attachments.ToImmutableSortedDictionary(attachment => attachment.Device, attachment => attachment),
            build.Stamp.Sequence, build.Stamp.Order, build.Spec.PageSizes == 0 ? IoasidState.NoTable : build.Stamp.Sequence);
        return HasTable
            ? new Call(Table.Object, Fill(leaving: build.Leaving), _ => Enable([.. Staying(build.Leaving)], 0, build.Stamp, () => Done(Errno.OK)))
            : Done(Errno.OK);
    }

    /// <summary>Route in the table, context in the unit, then the device itself.</summary>
    private Step Attach(AttachDevice attach)
    {
        Attachment joining = attach.Attachment;
        IoasidState before = _state;
        IoasidState after = Applied(attach.Stamp) with
        {
            Spec = attach.Spec, Attachments = before.Attachments.SetItem(joining.Device, joining), TableSequence = attach.Stamp.Sequence,
        };
        Step Routed(Reply _)
        {
            _state = after;
            return Enable([joining], 0, attach.Stamp, () => Done(Errno.OK));
        }

        if (HasTable)
        {
            return ToTable(new RouteDevice(attach.Stamp, before.TableSequence, Table, joining.Device, Routed: true, CacheHolder.Unknown), Routed);
        }

        _state = after;
        return new Call(Table.Object, Fill(fresh: true), Routed);
    }

    /// <summary>The device first, so that nothing is under way when context and route go.</summary>
    private Step Detach(DetachDevice detach)
    {
        Attachment leaving = _state.Attachments[detach.Device];
        return new Call(leaving.Device.Object, new SetRoute(detach.Stamp, leaving.Device, null), stopped =>
            new Call(leaving.Unit.Object, new SetContext(detach.Stamp, leaving.Unit, leaving.Device, ContextEntry.Blocked), _ =>
                ToTable(new RouteDevice(detach.Stamp, _state.TableSequence, Table, leaving.Device, Routed: false, IncarnationOf(stopped)), _ =>
                {
                    _state = Applied(detach.Stamp) with
                    {
                        Attachments = _state.Attachments.Remove(leaving.Device), TableSequence = detach.Stamp.Sequence,
                    };
                    return Done(Errno.OK);
                })));
    }

    private Step Map(MapArea map)
    {
        Step Mapped(Reply _)
        {
            _state = Applied(map.Stamp) with
            {
                Areas = _state.Areas.Add(map.Area), TableSequence = HasTable ? map.Stamp.Sequence : IoasidState.NoTable,
            };
            return Done(Errno.OK);
        }

        return HasTable ? ToTable(new MapPages(map.Stamp, _state.TableSequence, Table, map.Area), Mapped) : Mapped(Reply.Ok);
    }

    /// <summary>Cleared in the table, then invalidated at every device that may hold a translation, then answered (domain 6.5).</summary>
    private Step Unmap(UnmapAreas unmap)
    {
        Step Unmapped()
        {
            _state = Applied(unmap.Stamp) with
            {
                // Built without them, if this was answered before all was lost.
                Areas = unmap.Ranges.Aggregate(_state.Areas, (areas, range) => areas.Find(range) is null ? areas : areas.Remove(range)),
                TableSequence = HasTable ? unmap.Stamp.Sequence : IoasidState.NoTable,
            };
            return Done(Errno.OK);
        }

        return !HasTable ? Unmapped() : ToTable(
            new UnmapPages(unmap.Stamp, _state.TableSequence, Table, unmap.Ranges),
            reply => Invalidate(unmap.Stamp, unmap.Ranges, reply.Outputs as CachedBy, Unmapped));
    }

    /// <summary>What devices hold was given without being counted as written: they give it back.</summary>
    private Step Track(TrackIoasid track)
    {
        Step Tracked()
        {
            _state = Applied(track.Stamp) with
            {
                Spec = _state.Spec! with { TracksDirty = track.Enabled },
                TableSequence = HasTable ? track.Stamp.Sequence : IoasidState.NoTable,
            };
            return Done(Errno.OK);
        }

        return !HasTable ? Tracked() : ToTable(
            new TrackTable(track.Stamp, _state.TableSequence, Table, track.Enabled),
            reply => Invalidate(track.Stamp, Everywhere, reply.Outputs as CachedBy, Tracked));
    }

    /// <summary>What was forgotten must be seen when it is written again: answered when nobody holds a translation from before.</summary>
    private Step ReadDirty(ReadIoasidDirty read)
    {
        var ask = new ReadTableDirty(Table, read.Request, read.Range, read.PageSize, read.Clear);
        return ToTable(ask, reply => Report(read, reply));
    }

    private Step Report(ReadIoasidDirty read, Reply reply) => reply.Outputs is DirtyRead dirty
        ? Invalidate(read.Stamp, [read.Range], dirty.Cached, () => Done(dirty.Bitmap))
        : new Answer(reply);

    /// <summary>
    /// All devices at the same time. If another incarnation answers than the one that was given translations, that one is lost, and may go on where nobody
    /// sees it until its lease is over; and one that does not answer is waited for no longer than that.
    /// </summary>
    private Step Invalidate(Stamp stamp, IovaRange[] ranges, CachedBy? cached, Func<Step> then)
    {
        if (cached is not { Devices: { Length: > 0 } holders })
        {
            return then();
        }

        (ObjectId, Command)[] calls =
            [.. holders.Select(holder => (holder.Device.Object, (Command)new InvalidateTranslations(stamp, holder.Device, Table, ranges, cached.Number)))];
        return new CallAll(calls, holders.Max(holder => holder.LeaseLeft), replies =>
        {
            DeviceId[] lost = [.. holders.Where((holder, index) => (replies[index]?.Outputs as DeviceIncarnation)?.Number != holder.Incarnation).Select(holder => holder.Device)];
            return lost.Length == 0 ? then() : new Call(Table.Object, new OutwaitLeases(Table, lost), _ => then());
        });
    }

    private static long IncarnationOf(Reply reply) => reply.Outputs is DeviceIncarnation incarnation ? incarnation.Number : CacheHolder.Unknown;

    /// <summary>May follow a detach of the same append. One that started without its records does not know of its table and drops it all the same.</summary>
    private Step Destroy(DestroyIoasid destroy)
    {
        Step Destroyed(Reply _)
        {
            _state = IoasidState.Unbuilt with { Sequence = destroy.Stamp.Sequence, Order = destroy.Stamp.Order };
            return Done(Errno.OK);
        }

        bool done = _state.Order > destroy.Stamp.Order || (_state.Order == destroy.Stamp.Order && _state.Spec is null);
        bool mayHaveTable = HasTable || _state.Order < 0;
        return done ? Done(Errno.OK) : mayHaveTable ? new Call(Table.Object, new DropTable(destroy.Stamp, Table), Destroyed) : Destroyed(Reply.Ok);
    }

    private Step Enable(Attachment[] attachments, int next, Stamp stamp, Func<Step> then)
    {
        if (next == attachments.Length)
        {
            return then();
        }

        Attachment attachment = attachments[next];
        ContextEntry context = ContextEntry.Translated(Table, _state.Spec!.EnforceSnoop);
        return new Call(attachment.Unit.Object, new SetContext(stamp, attachment.Unit, attachment.Device, context), _ =>
            new Call(attachment.Device.Object, new SetRoute(stamp, attachment.Device, new DmaRoute(Table, attachment.Capabilities)), _ =>
                Enable(attachments, next + 1, stamp, then)));
    }

    /// <summary>One drive to the table; a table that started without its records is filled as it was before and asked again, as often as it is lost.</summary>
    private Step ToTable(Command command, Func<Reply, Step> then) => new Call(Table.Object, command, reply =>
        reply.Status == ReplyStatus.NotDriven ? new Call(Table.Object, Fill(), _ => ToTable(command, then)) : then(reply));

    private FillTable Fill(bool fresh = false, DeviceId? leaving = null) => new(
        new Stamp(_id.Fd, 0, _state.TableSequence, _state.Order), Table, _state.Spec!, [.. _state.Areas.All],
        [.. Staying(leaving).Select(attachment => attachment.Device)], fresh);

    private IEnumerable<Attachment> Staying(DeviceId? leaving) => _state.Attachments.Values.Where(attachment => attachment.Device != leaving);

    private IoasidState Applied(Stamp stamp) => _state with { Sequence = stamp.Sequence, Order = stamp.Order };

    private ObjectStatus Describe() => _state.Spec is not { } spec
        ? new ObjectStatus(Id, "free", "", [])
        : new ObjectStatus(
            Id, spec.Format.Word(),
            $"width={spec.AddressWidth} mappings={_state.Areas.Count} bytes=0x{_state.Areas.Bytes:x}"
            + (_state.Attachments.IsEmpty ? "" : $" devices={string.Join(',', _state.Attachments.Keys)}"),
            HasTable ? [Table.Object] : []);
}
