// A device behind an IOMMU unit: who holds it, its route to a page table, and the DMA it does.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>What a device is and may do.</summary>
/// <param name="Traits">Null until it is declared.</param>
/// <param name="FileOpen">Its device file is open.</param>
/// <param name="Holder">The fd that has bound it.</param>
/// <param name="Unit">What the unit in front of it can do, as its holder said; null until that holder has driven it.</param>
/// <param name="Route">Null: blocked.</param>
/// <param name="Order">The last append that was driven here.</param>
/// <param name="HoldOrder">The last append by which it was taken or let go.</param>
/// <param name="FileOrder">The last append by which its file was opened or closed, as far as it knows.</param>
/// <param name="Answers">What the device itself committed: its file opened and closed while nobody held it.</param>
public sealed record DeviceState(
    DeviceTraits? Traits, bool FileOpen, FdId? Holder, IommuCapabilities? Unit, DmaRoute? Route, long Order, long HoldOrder, long FileOrder,
    AnswerWindow Answers);

/// <summary>
/// Does the DMA. It started without its records if another fd had claimed it before it started; then it is blocked until that fd drives it again.
/// While it handles one access it handles nothing else, so an invalidation or a detach is answered only when no access is under way.
/// </summary>
public sealed class Device : KernelObject
{
    private readonly DeviceId _id;
    private long _sequence;
    private DeviceState _state;

    public Device(ObjectId id, StoredObject stored)
        : base(id)
    {
        _id = new DeviceId(id.Key);
        _sequence = stored.Log.Length == 0 ? 0 : stored.Log[^1].Sequence;
        _state = new DeviceState(
            (stored.Declaration as DeclareDevice)?.Traits, !stored.FileClosed, stored.Holders.Length > 0 ? stored.Holders[0] : null, null, null, -1, -1, stored.Order,
            stored.Log.Aggregate(AnswerWindow.Empty, (window, record) => window.Add(record)));
    }

    public override object State
    {
        get => _state;
        set => _state = (DeviceState)value;
    }

    public DeviceState Records => _state;

    public override bool HoldsState => _state.Holder is not null;

    public override Step Handle(Command command) => command switch
    {
        DeclareDevice declare => Declare(declare),
        DescribeObject => Done(Describe()),
        DescribeDevice => _state.Traits is { } traits ? Done(new DeviceDescription(traits)) : Done(Errno.ENODEV),
        OpenDevice or CloseDevice when _state.Answers.Find(((UapiCommand)command).Request, out _) is { } answered => new Answer(answered.Reply),
        OpenDevice when _state.Traits is null => Done(Errno.ENODEV),
        OpenDevice open => ChangeFile(open, isOpen: true, Claim.OpenFile(_id)),
        CloseDevice close => ChangeFile(close, isOpen: false, Claim.Unbound(_id), Claim.FileOpen(_id), Claim.CloseFile(_id)),
        HeldDeviceCommand => Done(Errno.EINVAL),
        Drive drive when drive.Stamp.Order < _state.Order => Done(Errno.OK),
        HoldDevice hold => Hold(hold),
        SetRoute set => Route(set),
        InvalidateTranslations => Done(Errno.OK),
        DeviceDma dma => Dma(dma),
        _ => throw NotUnderstood(command),
    };

    private Step Declare(DeclareDevice declare)
    {
        _state = _state with { Traits = declare.Traits };
        return Done(Errno.OK);
    }

    /// <summary>Nobody holds it: opening and closing is only the file's affair. BIND must know of it at once, so it is a claim, and the claims decide.</summary>
    private Step ChangeFile(UapiCommand command, bool isOpen, params Claim[] claims)
    {
        var record = new LogRecord(_sequence + 1, command.Request, Reply.Ok, [new FileChanged(isOpen)]);
        return new Commit(record, claims, result =>
        {
            if (result.Refused is { } refused)
            {
                // Somebody has bound it meanwhile, its file is open already, or closed already.
                return refused == Claim.Unbound(_id) ? new Answer(Reply.NotMine) : Done(isOpen ? Errno.EBUSY : Errno.EBADF);
            }

            _sequence++;
            _state = _state with { FileOpen = isOpen, FileOrder = result.Record!.Order, Answers = _state.Answers.Add(result.Record!) };
            return Done(Errno.OK);
        });
    }

    /// <summary>A new holder starts from blocked, whatever was before. Driven again it does nothing: the file may have been opened again since.</summary>
    private Step Hold(HoldDevice hold)
    {
        if (hold.Stamp.Order <= _state.HoldOrder)
        {
            return Done(Errno.OK);
        }

        _state = _state with
        {
            Holder = hold.Held ? hold.Stamp.Fd : null, Unit = hold.Unit, Route = null, Order = hold.Stamp.Order, HoldOrder = hold.Stamp.Order,
            FileOpen = hold.Stamp.Order > _state.FileOrder ? hold.FileOpen : _state.FileOpen,
            FileOrder = Math.Max(hold.Stamp.Order, _state.FileOrder),
        };
        return Done(Errno.OK);
    }

    private Step Route(SetRoute set)
    {
        _state = _state with { Route = set.Route, Unit = set.Route?.Unit ?? _state.Unit, Order = set.Stamp.Order };
        return Done(Errno.OK);
    }

    private Step Dma(DeviceDma dma)
    {
        int length = dma.Data?.Length ?? dma.Length;
        if (_state.Holder is not { } holder)
        {
            return Done(_state.FileOpen ? Errno.EINVAL : Errno.EBADF);
        }

        if (_state.Unit is null)
        {
            return new Answer(Reply.NotDriven(Id, holder));
        }

        if (_state.Route is not { } route)
        {
            return Done(Fault(DmaFault.ContextNotPresent, dma.Iova));
        }

        var translate = new Translate(route.Table, _id, dma.Iova, length, dma.Access, route.Unit.EnforceSnoop);
        return new Call(route.Table.Object, translate, reply => reply.Outputs switch
        {
            Translated translated => Access(dma, translated.Segments, 0, 0, []),
            Faulted faulted => Done(Fault(faulted.Fault, faulted.Iova)),
            _ => new Answer(reply),
        });
    }

    /// <summary>Does the pieces of one access, one after the other.</summary>
    private Step Access(DeviceDma dma, DmaSegment[] segments, int next, int done, List<MemoryAccessed> results)
    {
        if (next == segments.Length)
        {
            byte[]? data = dma.Access == DmaAccess.Read ? [.. results.SelectMany(result => result.Data!)] : null;
            bool snooped = Snooped(dma, segments[0]);
            return Done(new DmaOutcome(DmaFault.None, 0, dma.Iova, segments[0].Memory, snooped, data, results.Any(result => result.Gap)));
        }

        DmaSegment segment = segments[next];
        byte[]? write = dma.Access == DmaAccess.Write ? dma.Data![done..(done + segment.Length)] : null;
        var access = new AccessMemory(segment.Memory.Memory, segment.Memory.Offset, segment.Length, write, Snooped(dma, segment));
        return new Call(segment.Memory.Memory.Object, access, reply => reply.Outputs is MemoryAccessed result
            ? Access(dma, segments, next + 1, done + segment.Length, [.. results, result])
            : new Answer(reply));
    }

    /// <summary>Snooped = SNP or not asked otherwise (domain 6.3, step 5); a coherent-only device never asks.</summary>
    private bool Snooped(DeviceDma dma, DmaSegment segment) => segment.EnforcesSnoop || !dma.NoSnoop || _state.Traits!.CoherentOnly;

    private DmaOutcome Fault(DmaFault fault, ulong iova) =>
        new(fault, fault.Code(_state.Unit!.ScalableMode), iova & ~(Quantity.PageSize - 1), default, false, null, false);

    private ObjectStatus Describe()
    {
        if (_state.Traits is not { } traits)
        {
            return new ObjectStatus(Id, "undeclared", "", []);
        }

        string state = !_state.FileOpen ? "closed" : _state.Holder is null ? "free" : _state.Route is null ? "blocked" : "attached";
        string detail = $"behind={traits.Unit} group={traits.Group} id={traits.Id}"
            + (traits.CoherentOnly ? " coherent_only" : "") + (_state.Holder is { } fd ? $" fd={fd}" : "") + (_state.Route is { } route ? $" table={route.Table}" : "");
        return new ObjectStatus(Id, state, detail, []);
    }
}
