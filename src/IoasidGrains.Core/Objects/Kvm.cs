// KVM of one VM: which fds were announced to it, which device files it keeps, what each contributes, and what the guest's wbinvd does.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// Counts what makes the VM's DMA non-coherent, as kvm_arch_register_noncoherent_dma does: wbinvd is a no-op while there is nothing.
/// One that starts again finds in the claims what it must honour. It is never told to emulate wbinvd; it is told about fds (Paolo Bonzini, 9 June 2021).
/// </summary>
public sealed class Kvm : KernelObject
{
    private readonly VmId _id;
    private KvmState _state;

    public Kvm(ObjectId id, StoredObject stored)
        : base(id) => (_id, _state) = (new VmId(id.Key), KvmState.From(stored));

    public override object State
    {
        get => _state;
        set => _state = (KvmState)value;
    }

    public KvmState Records => _state;

    public override bool HoldsState => !_state.Ended && (!_state.Files.IsEmpty || _state.Links.Values.Any(link => link.Linked));

    public override Step Handle(Command command) => command switch
    {
        DescribeObject => Done(Describe()),
        DeclareVm declare => Declare(declare),
        LinkFd link => Drive(link.Stamp, known => known with { Linked = true }),
        UpdateSnoop update => Drive(
            update.Stamp, known => known with { Linked = true, Noncoherent = update.Noncoherent, ByFiles = update.ByFiles },
            update is { FlushFirst: true, Noncoherent: true }),
        UnlinkFd unlink => Drive(unlink.Stamp, known => known with { Linked = false, Noncoherent = false }),
        UapiCommand uapi when _state.Answers.Find(uapi.Request, out bool tooOld) is var answered && (answered is not null || tooOld) =>
            answered is null ? Done(Errno.ESTALE) : TellMemory(() => new Answer(AnswerOf(answered))),
        VmCommand or CloseVm when _state.Ended => Done(Errno.EBADF),
        KvmFileAdd add => AddFile(add),
        KvmFileDel del => RemoveFile(del),
        CpuWbinvd wbinvd => TellMemory(() => Wbinvd(wbinvd)),
        CpuMemoryType page => Done(GuestMemoryTypes.Of(_state.Traits, _state.NoncoherentCount > 0, page)),
        ReadKvmCosts => ReadCosts(),
        CloseVm close => Append(close, new VmClosed(), [Claim.End(_id), .. _state.Files.SelectMany(file => Claim.RemoveFile(_id, file.Key, file.Value))]),
        _ => throw NotUnderstood(command),
    };

    /// <summary>The kernel and the CPU are what they were from the beginning, as far as anybody could tell.</summary>
    private Step Declare(DeclareVm declare)
    {
        _state = _state with { Traits = declare.Traits, MemoryKnows = null };
        return TellMemory(() => Done(Errno.OK));
    }

    /// <summary>
    /// Link, snoop update, unlink. The update is level-triggered: false to true registers, true to false unregisters, the same does nothing (domain 3.4).
    /// </summary>
    private Step Drive(Stamp stamp, Func<FdLink, FdLink> change, bool flushFirst = false)
    {
        FdLink known = _state.Links.GetValueOrDefault(stamp.Fd.Key) ?? new FdLink(false, false, false, _state.Since);
        WbinvdMode before = _state.Wbinvd;
        if (stamp.Order > known.Order)
        {
            _state = _state with { Links = _state.Links.SetItem(stamp.Fd.Key, change(known) with { Order = stamp.Order, Restored = false }) };
        }

        if (flushFirst && (known.Restored || before != _state.Wbinvd))
        {
            // Nobody knows whether the Kvm before this one had them flushed.
            _state = _state with { FlushDue = true, Links = _state.Links.SetItem(stamp.Fd.Key, _state.Links[stamp.Fd.Key] with { Restored = false }) };
        }

        return TellMemory(() => Done(Errno.OK));
    }

    /// <summary>KVM asks the device behind the file, and its unit: what a device's table will be is not asked (kvm-vfio, v6.2 on).</summary>
    private Step AddFile(KvmFileAdd add) => new Call(
        add.Device.Object, new DescribeDevice(add.Device), device => device.Outputs is not DeviceDescription description
            ? Done(device.Errno)
            : new Call(description.Traits.Unit.Object, new DescribeUnit(description.Traits.Unit), unit => unit.Outputs is not UnitDescription capable
                ? Done(unit.Errno)
                : AddFile(add, noncoherent: !capable.Capabilities.EnforceSnoop)));

    /// <summary>A closed file is EBADF before one that KVM keeps already is EEXIST.</summary>
    private Step AddFile(KvmFileAdd add, bool noncoherent)
    {
        Claim[] claims = _state.Files.ContainsKey(add.Device) ? [Claim.Never] : Claim.AddFile(_id, add.Device, noncoherent);
        return Append(add, new VmFileAdded(add.Device, noncoherent), [Claim.FileOpen(add.Device), .. claims]);
    }

    private Step RemoveFile(KvmFileDel del) => _state.Files.TryGetValue(del.Device, out bool noncoherent)
        ? Append(del, new VmFileRemoved(del.Device), Claim.RemoveFile(_id, del.Device, noncoherent))
        : Done(Errno.ENOENT);

    private Step Append(UapiCommand command, Change change, Claim[] claims)
    {
        var record = new LogRecord(_state.Sequence + 1, command.Request, Reply.Ok, [change]);
        return new Commit(record, [.. claims, Claim.CountNoncoherent(_id)], result =>
        {
            if (result.Refused is { } refused)
            {
                return Done(refused == Claim.Never ? Errno.EEXIST : Errno.EBADF);
            }

            _state = _state.Apply(result.Record!);
            return TellMemory(() => new Answer(AnswerOf(result.Record!)));
        });
    }

    /// <summary>What the store counted in the same append.</summary>
    private static Reply AnswerOf(LogRecord record) =>
        record.Changes is [VmFileAdded or VmFileRemoved] ? Reply.With(new KvmCoherency(record.Counted)) : record.Reply;

    /// <summary>Skipped while nothing is non-coherent; a CPU that cannot trap it executes it all the same. Not appended, but one who asks again is answered the same.</summary>
    private Step Wbinvd(CpuWbinvd wbinvd)
    {
        bool executed = _state.NoncoherentCount > 0 || !_state.Traits.WbinvdExit;
        return new Call(_id.Memory.Object, new FlushCaches(_id.Memory, wbinvd.Request, wbinvd.Cpu, executed), answer =>
        {
            var flushed = (CachesFlushed)answer.Outputs!;
            var reply = Reply.With(executed ? new WbinvdOutcome(WbinvdMode.Emulated, flushed.Cpus, flushed.Lines) : WbinvdOutcome.Ignored);
            _state = _state with { Costs = flushed.Costs, Answers = _state.Answers.Add(new LogRecord(_state.Sequence, wbinvd.Request, reply, [])) };
            return new Answer(reply);
        });
    }

    private Step ReadCosts() => new Call(_id.Memory.Object, new ReadFlushCosts(_id.Memory), reply =>
    {
        _state = _state with { Costs = ((CachesFlushed)reply.Outputs!).Costs };
        return Done(_state.Costs);
    });

    /// <summary>
    /// The memory of the VM learns at each edge of the count between 0 and 1 what wbinvd does: it judges accesses that go past the caches by it, and notes where
    /// the vCPU runs. Memory types change then, so the EPT is rebuilt.
    /// </summary>
    private Step TellMemory(Func<Step> then)
    {
        WbinvdMode mode = _state.Wbinvd;
        if (mode == _state.MemoryKnows && !_state.FlushDue)
        {
            return then();
        }

        _state = _state with { MemoryVersion = _state.MemoryVersion + 1 };
        var word = new SetWbinvd(_id.Memory, _state.MemoryVersion, mode)
        {
            WbinvdExit = _state.Traits.WbinvdExit, FlushFirst = _state.FlushDue, ZapsEpt = _state.Traits.ZapsEptAtEdge && !_state.Ended,
        };
        return new Call(_id.Memory.Object, word, reply =>
        {
            _state = _state with { MemoryKnows = mode, FlushDue = false, Costs = ((CachesFlushed)reply.Outputs!).Costs };
            return then();
        });
    }

    private ObjectStatus Describe()
    {
        string text = new KvmCoherency(_state.NoncoherentCount).Text;
        if (!_state.Ended)
        {
            text += List("fds", _state.Links.Where(link => link.Value.Linked).Select(link => (new FdId(link.Key).ToString(), link.Value.Noncoherent)))
                + List("files", _state.Files.Select(file => (file.Key.ToString(), file.Value)));
        }

        return new ObjectStatus(Id, _state.Ended ? "ended" : "running", text, []) { Costs = _state.Costs == KvmCosts.None ? "" : _state.Costs.Text };
    }

    private static string List(string name, IEnumerable<(string Name, bool Noncoherent)> parts)
    {
        string text = string.Join(',', parts.Select(part => $"{part.Name}:{(part.Noncoherent ? "noncoherent" : "coherent")}"));
        return text.Length == 0 ? "" : $" {name}={text}";
    }
}
