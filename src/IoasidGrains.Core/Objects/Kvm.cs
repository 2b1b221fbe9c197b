// KVM of one VM: which fds were announced to it, what each contributes, and what the guest's wbinvd does.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>One fd's part in a VM's coherency.</summary>
/// <param name="Order">The last append of that fd that was driven here.</param>
public sealed record FdLink(bool Linked, bool Noncoherent, long Order);

/// <summary>What KVM knows of a VM.</summary>
/// <param name="EndedBy">The close() that ended the VM; null while it runs.</param>
/// <param name="Since">The append that it started from: what was driven before is in the claims that it started with.</param>
/// <param name="MemoryKnows">What the VM's memory was told last; null if that is not known.</param>
/// <param name="MemoryVersion">Numbers what the VM's memory was told.</param>
public sealed record KvmState(
    RequestId? EndedBy, ImmutableSortedDictionary<string, FdLink> Links, long Since, WbinvdMode? MemoryKnows, long MemoryVersion)
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
    private KvmState _state;

    public Kvm(ObjectId id, StoredObject stored)
        : base(id)
    {
        _id = new VmId(id.Key);
        _state = new KvmState(
            stored.Log.Length > 0 ? stored.Log[0].Request : null,
            stored.Holders.ToImmutableSortedDictionary(fd => fd.Key, fd => new FdLink(true, stored.Noncoherent.Contains(fd), stored.Order)),
            stored.Order, stored.Holders.Length == 0 ? WbinvdMode.Nop : null, stored.Epoch << 32);
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
        LinkFd link => Drive(link.Stamp, known => known with { Linked = true }),
        UpdateSnoop update => Drive(update.Stamp, known => known with { Linked = true, Noncoherent = update.Noncoherent }),
        UnlinkFd unlink => Drive(unlink.Stamp, known => known with { Linked = false, Noncoherent = false }),
        CpuWbinvd when _state.Ended => Done(Errno.EBADF),
        CpuWbinvd => Done(new WbinvdOutcome(Mode)),
        CloseVm close => Close(close),
        _ => throw NotUnderstood(command),
    };

    private WbinvdMode Mode => new KvmCoherency(_state.NoncoherentCount).Wbinvd;

    /// <summary>
    /// Link, snoop update, unlink. The update is level-triggered: false to true registers, true to false unregisters, the same does nothing (domain 3.4).
    /// </summary>
    private Step Drive(Stamp stamp, Func<FdLink, FdLink> change)
    {
        FdLink known = _state.Links.GetValueOrDefault(stamp.Fd.Key) ?? new FdLink(false, false, _state.Since);
        if (stamp.Order > known.Order)
        {
            _state = _state with { Links = _state.Links.SetItem(stamp.Fd.Key, change(known) with { Order = stamp.Order }) };
        }

        return TellMemory();
    }

    /// <summary>The VM ends: at one append nobody can announce an fd to it any more, and nothing is non-coherent for it.</summary>
    private Step Close(CloseVm close)
    {
        if (_state.EndedBy is { } ended)
        {
            return Done(ended == close.Request ? Errno.OK : Errno.EBADF);
        }

        var record = new LogRecord(1, close.Request, Reply.Ok, [new VmClosed()]);
        return new Commit(record, [Claim.End(_id)], _ =>
        {
            _state = _state with { EndedBy = close.Request };
            return TellMemory();
        });
    }

    /// <summary>The memory of the VM learns at each edge what wbinvd does; it judges accesses that go past the caches by it.</summary>
    private Step TellMemory()
    {
        if (Mode == _state.MemoryKnows)
        {
            return Done(Errno.OK);
        }

        _state = _state with { MemoryKnows = Mode, MemoryVersion = _state.MemoryVersion + 1 };
        return new Call(_id.Memory.Object, new SetWbinvd(_id.Memory, _state.MemoryVersion, Mode), _ => Done(Errno.OK));
    }

    private ObjectStatus Describe()
    {
        string fds = string.Join(',', _state.Links.Where(link => link.Value.Linked)
            .Select(link => $"{new FdId(link.Key)}:{(link.Value.Noncoherent ? "noncoherent" : "coherent")}"));
        return new ObjectStatus(
            Id, _state.Ended ? "ended" : "running",
            new KvmCoherency(_state.NoncoherentCount).Text + (fds.Length == 0 || _state.Ended ? "" : $" fds={fds}"), []);
    }
}
