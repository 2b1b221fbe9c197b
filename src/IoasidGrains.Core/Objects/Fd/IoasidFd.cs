// The ioasid_fd: the single writer of everything that belongs to it, and the one commit point.
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// An open <c>/dev/ioasid</c>. A command is decided from its own records (and what it asked below), takes effect at one append to its log,
/// is driven to the objects below, and is answered. A retry of an answered request is answered from the log.
/// </summary>
public sealed class IoasidFd : KernelObject
{
    private readonly FdId _id;
    private readonly long _epoch;
    private FdState _state = FdState.Unopened;

    /// <summary>The state before the last record, while a former activation may have died between its append and its drives.</summary>
    private FdState? _unsettled;
    private LogRecord? _last;

    public IoasidFd(ObjectId id, StoredObject stored)
        : base(id)
    {
        _id = new FdId(id.Key);
        _epoch = stored.Epoch;
        foreach (LogRecord record in stored.Log)
        {
            _unsettled = _state;
            _last = record;
            _state = _state.Apply(record);
        }
    }

    public override object State
    {
        get => _state;
        set => _state = (FdState)value;
    }

    public FdState Records => _state;

    public override bool HoldsState => _state.Options is not null && !(_state.Closed && _state.Devices.IsEmpty);

    public override Step Handle(Command command)
    {
        if (_unsettled is { } before && _last is { } record)
        {
            return Send(FdDrives.Of(before, _state, record, StampOf(record)), 0, () =>
            {
                _unsettled = null;
                return Handle(command);
            });
        }

        return command switch
        {
            DescribeObject => Done(FdStatus.Of(_id, _state)),
            DriveAgain again => Send(FdDrives.Again(_state, again.Leaf, Current), 0, () => Done(Errno.OK)),
            UapiCommand uapi when _state.Answers.Find(uapi.Request, out bool tooOld) is var answered && (answered is not null || tooOld) =>
                answered is null ? Done(Errno.ESTALE) : new Answer(AnswerOf(answered)),
            OpenFd open => Open(open),
            StartProcess start => Take(start, ProcessRules.Start(_state, start)),
            HeldDeviceCommand held => HandleHeldDevice(held),
            FdCommand when _state.Options is null || _state.Closed => Done(Errno.EBADF),
            CloseFd close when _state.Process is not null => Take(close, ProcessRules.Exit(_state, _id)),
            SysOpen open when _state.Process is not null => LookAtHost(() => Make(open)),
            Syscall call when _state.Process is not null => Make(call),
            FdCommand when _state.Process is not null => Done(Errno.ENOTTY),
            VfioBindIoasidFd bind => Bind(bind),
            GetDirtyBitmap get => GetDirty(get),
            FdCommand fd => Take(fd, Decide(fd)),
            _ => throw NotUnderstood(command),
        };
    }

    private Stamp Current => new(_id, _epoch, _state.Sequence, _state.Order);

    private Decision Decide(FdCommand command) => command switch
    {
        IoasidCheckExtension check => MappingRules.CheckExtension(check),
        IoasidAlloc alloc => MappingRules.Alloc(_state, alloc),
        IoasidFree free => MappingRules.Free(_state, free),
        IoasidGetInfo info => MappingRules.GetInfo(_state, info),
        IoasidGetDevInfo info => DeviceRules.GetDevInfo(_state, info),
        IoasidRegisterMemory register => MappingRules.Register(_state, register),
        IoasidUnregisterMemory unregister => MappingRules.Unregister(_state, unregister),
        IoasidMapDma map => MappingRules.Map(_state, map),
        IoasidUnmapDma unmap => MappingRules.Unmap(_state, unmap),
        KvmAddIoasidFd add => KvmRules.Add(_state, _id, add.Vm),
        KvmDelIoasidFd del => KvmRules.Del(_state, _id, del.Vm),
        KvmUpdateIoasidFd update => KvmRules.Update(_state, _id, update.Vm),
        KvmAllowIncoherentDma allow => KvmRules.Allow(_state, allow),
        ReadFdCosts => Decision.Answer(Reply.With(FdCosting.Of(_state))),
        SetDirtyTracking set => DirtyRules.Set(_state, set),
        CloseFd => DeviceRules.Close(_state, _id),
        _ => throw NotUnderstood(command),
    };

    private Step Open(OpenFd open)
    {
        if (_state.Options is not null)
        {
            return Done(Errno.EEXIST);
        }

        return Profiles.Find(open.Options) is null ? Done(Errno.EINVAL) : Take(open, Decision.Change(new FdOpened(open.Options)));
    }

    private Step Make(Syscall call)
    {
        Decision decision = ProcessRules.Run(_state, _id, call, out SyscallFrame frame);
        return frame.Dirty is { } question && _state.Ioasids.ContainsKey(new IoasidNumber((uint)question.Space))
            ? AskDirty(call, question, frame, question.Range.Start) : Take(call, decision);
    }

    /// <summary>Piece by piece; the bits go to the memory of the process.</summary>
    private Step AskDirty(Syscall call, DirtyQuestion question, SyscallFrame frame, ulong from)
    {
        ulong last = Math.Min(question.Range.Last, from + ((ulong)GetDirtyBitmap.MaxPages * Quantity.PageSize) - 1);
        var ioasid = new IoasidId(_id, new IoasidNumber((uint)question.Space));
        var request = new RequestId($"{call.Request.Session}/{from:x}", call.Request.Sequence);
        return Ask(new ReadIoasidDirty(Current, ioasid, request, new IovaRange(from, last), Quantity.PageSize, !question.NoClear), reply =>
        {
            if (reply.Outputs is not DirtyBitmap found)
            {
                return new Answer(reply);
            }

            question.Tell(frame, found);
            return last == question.Range.Last ? new Answer(frame.Answer(0)) : AskDirty(call, question, frame, last + 1);
        });
    }

    /// <summary>A record of its own, so that the call that follows is decided from what is there: it is nobody's request.</summary>
    private Step LookAtHost(Func<Step> then)
    {
        var seen = new LogRecord(_state.Sequence + 1, new RequestId($"{_id}/host", _state.Sequence + 1), Reply.Ok, [new HostSeen()]);
        return new Commit(seen, [new Claim(ClaimKind.Inventory, _id.Object.Host)], result =>
        {
            _state = _state.Apply(result.Record!);
            return then();
        });
    }

    private Step HandleHeldDevice(HeldDeviceCommand command)
    {
        if (!_state.Devices.TryGetValue(command.Device, out BoundDevice? device))
        {
            return new Answer(Reply.NotMine);
        }

        if (_state.Process is not null)
        {
            // The process has bound a file of its own; the one that is meant here is not bound.
            return Done(command is CloseDevice ? Errno.EBUSY : Errno.EINVAL);
        }

        return Take(command, command switch
        {
            VfioAttachIoasid attach => DeviceRules.Attach(_state, device, attach),
            VfioDetachIoasid detach => DeviceRules.Detach(_state, device, detach),
            VfioUnbindIoasidFd => DeviceRules.Unbind(_state, _id, device, closeFile: false),
            CloseDevice => DeviceRules.Unbind(_state, _id, device, closeFile: true),
            _ => throw NotUnderstood(command),
        });
    }

    /// <summary>BIND asks the device and its unit what they are before it decides.</summary>
    private Step Bind(VfioBindIoasidFd bind)
    {
        if (_state.Devices.ContainsKey(bind.Device))
        {
            return Done(Errno.EBUSY);
        }

        return new Call(bind.Device.Object, new DescribeDevice(bind.Device), device => device.Outputs is not DeviceDescription description
            ? Done(device.Errno)
            : new Call(description.Traits.Unit.Object, new DescribeUnit(description.Traits.Unit), unit => unit.Outputs is not UnitDescription capable
                ? Done(unit.Errno)
                : Take(bind, DeviceRules.Bind(_state, bind.Device, description.Traits, capable.Capabilities))));
    }

    /// <summary>Changes nothing that the fd records, so it is asked and not committed.</summary>
    private Step GetDirty(GetDirtyBitmap get)
    {
        Errno errno = DirtyRules.CheckGet(_state, get, out IovaRange range);
        if (errno != Errno.OK)
        {
            return Done(errno);
        }

        var ioasid = new IoasidId(_id, get.Number);
        var read = new ReadIoasidDirty(Current, ioasid, get.Request, range, get.PageSize, !get.NoClear);
        return Ask(read, reply => new Answer(reply));
    }

    /// <summary>An Ioasid that started without its records is built and asked again, as often as it is lost.</summary>
    private Step Ask(ReadIoasidDirty read, Func<Reply, Step> then) => new Call(read.Ioasid.Object, read, reply => reply.Status == ReplyStatus.NotDriven
        ? new Call(read.Ioasid.Object, FdDrives.Build(_state, _state.Ioasids[read.Ioasid.Number], Current), _ => Ask(read, then))
        : then(reply));

    /// <summary>Commits and drives a decision; one that changes nothing is just answered.</summary>
    private Step Take(UapiCommand command, Decision decision)
    {
        if (decision.Changes.Length == 0)
        {
            return new Answer(decision.Reply);
        }

        Decision whole = KvmRules.Push(_state, _id, decision);
        return Reserve(TableNeed.Of(whole.Changes, _state), 0, () => Commit(command, whole));
    }

    /// <summary>Page-table memory is asked for before anything is decided: after the commit no table refuses.</summary>
    private Step Reserve(TableReserve[] needs, int next, Func<Step> then)
    {
        if (next == needs.Length)
        {
            return then();
        }

        TableReserve need = needs[next];
        var table = new PageTableId(new IoasidId(_id, need.Number), need.Table);
        return need.Tables == 0 ? Reserve(needs, next + 1, then) : new Call(
            table.Object, new ReserveTables(table, need.Tables, need.Filled), reply => reply.Succeeded ? Reserve(needs, next + 1, then) : new Answer(reply));
    }

    private Step Commit(UapiCommand command, Decision decision)
    {
        FdState before = _state;
        var record = new LogRecord(before.Sequence + 1, command.Request, decision.Reply, decision.Changes);
        record = record.Changes[0] is DeviceAttached or KvmAdded ? record with { Reply = WithGap(before.Apply(record), record) } : record;
        return new Commit(record, decision.Claims, result =>
        {
            if (result.Status == CommitStatus.ClaimRefused)
            {
                return result.Refused!.Kind == ClaimKind.AllUnitsEnforce ? Take(command, decision.Otherwise!) : Done(decision.ErrnoOf(result.Refused));
            }

            LogRecord committed = result.Record!;
            _state = before.Apply(committed, committed.Reply == record.Reply ? decision.Process : null);
            return Send(FdDrives.Of(before, _state, committed, StampOf(committed)), 0, () => new Answer(AnswerOf(committed)));
        });
    }

    /// <summary>Sends drives one after the other. An Ioasid that started without its records is built as it was before first.</summary>
    private static Step Send(List<(ObjectId To, Drive Drive, FdState Before)> drives, int next, Func<Step> then)
    {
        if (next == drives.Count)
        {
            return then();
        }

        (ObjectId to, Drive drive, FdState before) = drives[next];
        return new Call(to, drive, reply => reply.Status == ReplyStatus.NotDriven && drive is IoasidDrive lost
            ? new Call(to, FdDrives.BuildBefore(before, lost), _ => Send(drives, next, then))
            : Send(drives, next + 1, then));
    }

    /// <summary>An attach or announcement that opens the seed's window says so (domain 3.5).</summary>
    private static Reply WithGap(FdState after, LogRecord record)
    {
        bool opened = record.Changes[0] is not DeviceAttached attached
            || after.IsNoncoherent(after.Devices[attached.Device]);
        VmId[] gaps = opened ? [.. after.CoherencyGaps] : [];
        return gaps.Length > 0 ? record.Reply with { Outputs = new CoherencyGap(gaps) } : record.Reply;
    }

    /// <summary>The recorded answer. That of KVM_UPDATE is what the store counted in the same append.</summary>
    private static Reply AnswerOf(LogRecord record) =>
        record.Changes[0] is KvmUpdated ? Reply.With(new KvmCoherency(record.Counted)) : record.Reply;

    private Stamp StampOf(LogRecord record) => new(_id, _epoch, record.Sequence, record.Order);
}
