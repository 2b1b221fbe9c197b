// KVM of one VM: which fds were announced to it, what each contributes, and what the guest's wbinvd does.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>One fd's part in a VM's coherency.</summary>
/// <param name="Order">The last append of that fd that was driven here.</param>
/// <param name="Told">What the last snoop update answered, for one that is asked again.</param>
public sealed record FdLink(bool Linked, bool Noncoherent, long Order, KvmCoherency? Told);

/// <summary>What KVM knows of a VM.</summary>
/// <param name="EndedBy">The close() that ended the VM; null while it runs.</param>
/// <param name="MemoryKnows">What the VM's memory was told last; null if that is not known.</param>
public sealed record KvmState(
    RequestId? EndedBy, ImmutableSortedDictionary<string, FdLink> Links, WbinvdMode? MemoryKnows)
{
    public bool Ended => EndedBy is not null;

    public int NoncoherentCount => Ended ? 0 : Links.Values.Count(link => link.Noncoherent);
}

/// <summary>
/// Counts the fds that make the VM's DMA non-coherent, as kvm_arch_register_noncoherent_dma does: wbinvd is a no-op while there is none.
/// One that starts again finds in the claims what it must honour. It is never told to emulate wbinvd; it is told about fds (Paolo Bonzini, 9 June 2021).
/// </summary>
public sealed class Kvm : KernelObject
{
    private readonly VmId _id;
    private readonly long _epoch;
    private KvmState _state;

    public Kvm(ObjectId id, StoredObject stored)
        : base(id)
    {
        _id = new VmId(id.Key);
        _epoch = stored.Epoch;
        _state = new KvmState(
            stored.Log.Length > 0 ? stored.Log[0].Request : null,
            stored.Holders.ToImmutableSortedDictionary(fd => fd.Key, fd => new FdLink(true, stored.Noncoherent.Contains(fd), -1, null)),
            stored.Holders.Length == 0 ? WbinvdMode.Nop : null);
    }

    public override object State
    {
        get => _state;
        set => _state = (KvmState)value;
    }

    public KvmState Records => _state;

    public override bool HoldsState => !_state.Ended && _state.Links.Values.Any(link => link.Linked);

    public override Step Handle(Command command) => command switch
    {
        DescribeObject => Done(Describe()),
        LinkFd link => Drive(link.Stamp, known => known with { Linked = true }, Reply.Ok),
        UpdateSnoop update => Update(update),
        UnlinkFd unlink => Drive(unlink.Stamp, known => known with { Linked = false, Noncoherent = false }, Reply.Ok),
        CpuWbinvd when _state.Ended => Done(Errno.EBADF),
        CpuWbinvd => Done(new WbinvdOutcome(Mode)),
        CloseVm close => Close(close),
        _ => throw NotUnderstood(command),
    };

    private WbinvdMode Mode => new KvmCoherency(_state.NoncoherentCount).Wbinvd;

    /// <summary>The snoop-update message: false to true registers, true to false unregisters, the same does nothing (domain 3.4).</summary>
    private Step Update(UpdateSnoop update)
    {
        if (_state.Links.TryGetValue(update.Stamp.Fd.Key, out FdLink? known) && update.Stamp.Order <= known.Order)
        {
            return Done(update.Stamp.Order == known.Order && known.Told is { } told ? told : new KvmCoherency(_state.NoncoherentCount));
        }

        _state = With(update.Stamp, link => link with { Linked = true, Noncoherent = update.Noncoherent });
        var coherency = new KvmCoherency(_state.NoncoherentCount);
        _state = With(update.Stamp, link => link with { Told = coherency });
        return TellMemory(update.Stamp.Order, Reply.With(coherency));
    }

    private Step Drive(Stamp stamp, Func<FdLink, FdLink> change, Reply reply)
    {
        if (!_state.Links.TryGetValue(stamp.Fd.Key, out FdLink? known) || stamp.Order > known.Order)
        {
            _state = With(stamp, change);
        }

        return TellMemory(stamp.Order, reply);
    }

    /// <summary>The VM ends: at one append nobody can announce an fd to it any more, and nothing is non-coherent for it.</summary>
    private Step Close(CloseVm close)
    {
        if (_state.EndedBy is { } ended)
        {
            return Done(ended == close.Request ? Errno.OK : Errno.EBADF);
        }

        var record = new LogRecord(1, close.Request, Reply.Ok, [new VmClosed()]);
        return new Commit(record, [Claim.End(_id)], result =>
        {
            Invariant.Check(result.Status == CommitStatus.Committed, $"{Id} ends twice.");
            _state = _state with { EndedBy = close.Request };
            return TellMemory(result.Order, Reply.Ok);
        });
    }

    /// <summary>The memory of the VM learns at each edge what wbinvd does; it judges accesses that go past the caches by it.</summary>
    private Step TellMemory(long order, Reply reply)
    {
        if (Mode == _state.MemoryKnows)
        {
            return new Answer(reply);
        }

        _state = _state with { MemoryKnows = Mode };
        return new Call(_id.Memory.Object, new SetWbinvd(_id.Memory, order, Mode), _ => new Answer(reply));
    }

    private KvmState With(Stamp stamp, Func<FdLink, FdLink> change) => _state with
    {
        Links = _state.Links.SetItem(
            stamp.Fd.Key, change(_state.Links.GetValueOrDefault(stamp.Fd.Key) ?? new FdLink(true, false, -1, null)) with { Order = stamp.Order }),
    };

    private ObjectStatus Describe()
    {
        string fds = string.Join(',', _state.Links.Where(link => link.Value.Linked)
            .Select(link => $"{new FdId(link.Key)}:{(link.Value.Noncoherent ? "noncoherent" : "coherent")}"));
        return new ObjectStatus(
            Id, _state.Ended ? "ended" : "running",
            new KvmCoherency(_state.NoncoherentCount).Text + (fds.Length == 0 || _state.Ended ? "" : $" fds={fds}"), []);
    }
}
