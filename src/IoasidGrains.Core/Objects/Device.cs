// A device behind an IOMMU unit: who holds it, its route to a page table, and the DMA it does.
using IoasidGrains.PageTable;
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
    AnswerWindow Answers)
{
    /// <summary>The last entry of the device's own log.</summary>
    public long Sequence { get; init; }
}

/// <summary>
/// Does the DMA. It started without its records if another fd had claimed it before it started; then it is blocked until that fd drives it again.
/// While it handles one access it handles nothing else; a workload runs beside its turns. An invalidation or a detach is answered only when no access
/// that it concerns is under way.
/// </summary>
public sealed class Device : KernelObject
{
    /// <summary>Runs of one incarnation.</summary>
    private const int RunBits = 24;

    private readonly DeviceId _id;
    private readonly LocalViews _views;

    /// <summary>What a workload translates with if the page table is on another silo; null before the first one.</summary>
    private AddressTranslationCache? _cache;
    private readonly long _incarnation;
    private DeviceState _state;
    private DmaRun? _run;
    private long _runs;

    /// <summary>The number of the last invalidation.</summary>
    private long _heard;

    public Device(ObjectId id, StoredObject stored, LocalViews views)
        : base(id)
    {
        (_id, _views, _incarnation) = (new DeviceId(id.Key), views, stored.Epoch);
        _state = new DeviceState(
            (stored.Declaration as DeclareDevice)?.Traits, !stored.FileClosed, stored.Holders.Length > 0 ? stored.Holders[0] : null, null, null, -1, -1, stored.Order,
            stored.Log.Aggregate(AnswerWindow.Empty, (window, record) => window.Add(record)))
        {
            Sequence = stored.Log.Length == 0 ? 0 : stored.Log[^1].Sequence,
        };
    }

    public override object State
    {
        get => _state;
        set => _state = (DeviceState)value;
    }

    public DeviceState Records => _state;

    public override bool HoldsState => _state.Holder is not null;

    /// <summary>Its accesses end; a view it reads of stays until they have.</summary>
    public override void Lost() => _run?.Stop(DmaRunState.Lost);

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
        Drive drive when drive.Stamp.Order < _state.Order => Driven(null),
        HoldDevice hold => Hold(hold),
        SetRoute set => Route(set),
        InvalidateTranslations invalidate => Invalidate(invalidate),
        DeviceDma dma => Dma(dma),
        StartDma start => Start(start),
        WatchDma watch => _run?.Number == watch.Number ? Done(_run.Report()) : Done(Errno.ENOENT),
        StopDma stop => Stop(stop),
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
        var record = new LogRecord(_state.Sequence + 1, command.Request, Reply.Ok, [new FileChanged(isOpen)]);
        return new Commit(record, claims, result =>
        {
            if (result.Refused is { } refused)
            {
                // Somebody has bound it meanwhile, its file is open already, or closed already.
                return refused == Claim.Unbound(_id) ? new Answer(Reply.NotMine) : Done(isOpen ? Errno.EBUSY : Errno.EBADF);
            }

            _state = _state with
            {
                Sequence = record.Sequence, FileOpen = isOpen, FileOrder = result.Record!.Order, Answers = _state.Answers.Add(result.Record!),
            };
            return Done(Errno.OK);
        });
    }

    /// <summary>A new holder starts from blocked, whatever was before; one whose device lost its records tells where it is attached. Driven again it does nothing: the file may have been opened again since.</summary>
    private Step Hold(HoldDevice hold)
    {
        if (hold.Stamp.Order <= _state.HoldOrder)
        {
            return Driven(null);
        }

        if (hold.Held && _state.Holder == hold.Stamp.Fd && _state.Unit is not null)
        {
            // Driven again though it has lost nothing (any more): another client was told so. What it does goes on.
            return Driven(null);
        }

        _state = _state with
        {
            Holder = hold.Held ? hold.Stamp.Fd : null, Unit = hold.Unit, Route = hold.Route, Order = hold.Stamp.Order, HoldOrder = hold.Stamp.Order,
            FileOpen = hold.Stamp.Order > _state.FileOrder ? hold.FileOpen : _state.FileOpen,
            FileOrder = Math.Max(hold.Stamp.Order, _state.FileOrder),
        };
        return Driven(LeaveRoute());
    }

    /// <summary>Told the same route again it goes on.</summary>
    private Step Route(SetRoute set)
    {
        bool leaves = _state.Route is not null && set.Route?.Table != _state.Route.Table;
        _state = _state with { Route = set.Route, Unit = set.Route?.Unit ?? _state.Unit, Order = set.Stamp.Order };
        return Driven(leaves ? LeaveRoute() : null);
    }

    /// <summary>No run outlives its route, and nothing cached does.</summary>
    private Completion? LeaveRoute()
    {
        _run?.Stop(DmaRunState.Detached);
        Completion? cacheLeft = _cache is { } cache ? new CacheLeft(cache, cache.InvalidateAll()) : null;
        return Completion.Both(cacheLeft, _run is { } run ? new RunStopped(run) : null);
    }

    private Step Invalidate(InvalidateTranslations invalidate)
    {
        Completion? left = _cache is { } cache ? new CacheLeft(cache, cache.Invalidate(invalidate.Ranges)) : null;

        // Only now: what asks for a longer lease with this number holds nothing of before.
        _heard = invalidate.Number;
        if (_run is { } run)
        {
            run.Heard = _heard;
        }

        return Driven(left);
    }

    private Step Driven(Completion? after) => After(after, () => Done(new DeviceIncarnation(_incarnation)));

    private Step Start(StartDma start)
    {
        if (_run?.Request == start.Request)
        {
            return Done(_run.Report());
        }

        if (_state.Holder is not { } holder)
        {
            return Done(_state.FileOpen ? Errno.EINVAL : Errno.EBADF);
        }

        if (_state.Unit is null)
        {
            return new Answer(Reply.NotDriven(Id, holder));
        }

        if (_run is { IsStill: false })
        {
            return Done(Errno.EBUSY);
        }

        long number = (_incarnation << RunBits) + ++_runs;
        if (_state.Route is not { } route)
        {
            var blocked = new DmaFaultCount(DmaFault.ContextNotPresent, DmaFault.ContextNotPresent.Code(_state.Unit.ScalableMode), 1, start.Workload.Window.Start);
            return Done(DmaReport.Nothing with { Number = number, State = DmaRunState.Detached, Faults = [blocked] });
        }

        _run = new DmaRun(new DmaContext(number, start.Request, _id, _incarnation, route, route.Unit), start.Workload, _views, _cache ??= new AddressTranslationCache()) { Heard = _heard };
        _views.Start(_run);
        return Done(_run.Report());
    }

    private Step Stop(StopDma stop)
    {
        if (_run?.Number != stop.Number)
        {
            return Done(Errno.ENOENT);
        }

        DmaRun run = _run;
        run.Stop(DmaRunState.Cancelled);
        return After(new RunStopped(run), () => Done(run.Report()));
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

        var translate = new Translate(route.Table, _id, _incarnation, dma.Iova, length, dma.Access, route.Unit.EnforceSnoop);
        long asked = _views.Now;
        return new Call(route.Table.Object, translate, reply => reply.Outputs switch
        {
            Translated translated => Access(dma, translated.Segments, asked + translated.Lease, 0, 0, []),
            Faulted faulted => Done(Fault(faulted.Fault, faulted.Iova)),
            _ => new Answer(reply),
        });
    }

    /// <summary>Does the pieces of one access, one after the other; all of it again if that takes too long.</summary>
    private Step Access(DeviceDma dma, DmaSegment[] segments, long until, int next, int done, List<MemoryAccessed> results)
    {
        if (next == segments.Length)
        {
            byte[]? data = dma.Access == DmaAccess.Read ? [.. results.SelectMany(result => result.Data!)] : null;
            bool snooped = Snooped(dma, segments[0]);
            return Done(new DmaOutcome(DmaFault.None, 0, dma.Iova, segments[0].Memory, snooped, data, results.Any(result => result.Gap)));
        }

        if (_views.Now >= until)
        {
            // Whoever took the translation away since need not have waited any longer.
            return Dma(dma);
        }

        DmaSegment segment = segments[next];
        byte[]? write = dma.Access == DmaAccess.Write ? dma.Data![done..(done + segment.Length)] : null;
        var access = new AccessMemory(segment.Memory.Memory, segment.Memory.Offset, segment.Length, write, Snooped(dma, segment));
        return new Call(segment.Memory.Memory.Object, access, reply => reply.Outputs is MemoryAccessed result
            ? Access(dma, segments, until, next + 1, done + segment.Length, [.. results, result])
            : new Answer(reply));
    }

    /// <summary>Snooped = SNP or not asked otherwise (domain 6.3, step 5); a coherent-only device never asks.</summary>
    private bool Snooped(DeviceDma dma, DmaSegment segment) => segment.EnforcesSnoop || !dma.NoSnoop || _state.Traits!.CoherentOnly || _state.Route is { ForcesSnoop: true };

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
            + (traits.CoherentOnly ? " coherent_only" : "") + (_state.Holder is { } fd ? $" fd={fd}" : "") + (_state.Route is { } route ? $" table={route.Table}" + (route.ForcesSnoop ? " snoop_forced" : "") : "");
        return new ObjectStatus(Id, state, detail, []);
    }
}
