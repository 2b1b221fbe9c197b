// Everything an ioasid_fd owns, as one immutable value: the fold of its log.
using System.Collections.Immutable;
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>A bound device.</summary>
/// <param name="Place">How it was attached, or null: blocked.</param>
/// <param name="DriverOpened">Its driver's open_device has run.</param>
public sealed record BoundDevice(DeviceId Id, DeviceTraits Traits, IommuCapabilities Unit, DeviceAttached? Place, bool DriverOpened)
{
    /// <summary>The IOASID that it is attached to.</summary>
    public IoasidNumber? Attached => Place?.Number;

    /// <summary>Of an attached device.</summary>
    public Attachment Attachment => new(Id, Traits.Unit, Unit, Place!.Table, Place.ForcesSnoop);

    /// <summary>Attached so that its no-snoop accesses, if it sends any, go past the caches wherever a leaf does not enforce.</summary>
    public bool MaySendNoSnoop => Place is { ForcesSnoop: false, PromisesSnoop: false } && !Traits.CoherentOnly;
}

/// <summary>One IOASID as its fd records it.</summary>
/// <param name="Driven">The last log entry that was driven to the Ioasid object.</param>
public sealed record IoasidEntry(IoasidNumber Number, IoasidSpec Spec, AreaMap Areas, ImmutableSortedDictionary<int, TableSpec> Tables, long Driven)
{
    /// <summary>Devices of this table meet leaves that do not enforce.</summary>
    public bool IsPlain(TableSpec table) => Spec.PerMapping ? HasPlainMapping : !table.EnforceSnoop;

    private bool HasPlainMapping => Areas.All.Any(area => !Spec.Enforces(area));

    /// <summary>Some table is plain; one that has no table yet is what the user has chosen.</summary>
    public bool HasPlain => Spec.PerMapping ? HasPlainMapping : Tables.IsEmpty ? !Spec.Auto && !Spec.EnforceSnoop : Tables.Values.Any(IsPlain);

    /// <summary>Page sizes that all its tables can use; 0 while there is none.</summary>
    public ulong PageSizes => Tables.IsEmpty ? 0 : Tables.Values.Aggregate(ulong.MaxValue, (sizes, table) => sizes & table.PageSizes);
}

/// <summary>A registered piece of user memory.</summary>
public sealed record RegisteredMemory(UserAddress Start, ulong Length)
{
    public bool Contains(UserAddress start, ulong length) =>
        start.Memory == Start.Memory && start.Offset >= Start.Offset && start.Offset + length <= Start.Offset + Length;

    public bool Overlaps(UserAddress start, ulong length) =>
        start.Memory == Start.Memory && start.Offset < Start.Offset + Length && Start.Offset < start.Offset + length;
}

/// <summary>The records of one ioasid_fd. <see cref="Apply"/> is the only way it changes.</summary>
public sealed record FdState
{
    public static readonly FdState Unopened = new();

    public long Sequence { get; private init; }

    public long Order { get; private init; }

    /// <summary>Null until the fd is opened.</summary>
    public OpenOptions? Options { get; private init; }

    public bool Closed { get; private init; }

    public uint LastNumber { get; private init; }

    public ImmutableSortedDictionary<IoasidNumber, IoasidEntry> Ioasids { get; private init; } = ImmutableSortedDictionary<IoasidNumber, IoasidEntry>.Empty;

    public ImmutableSortedDictionary<DeviceId, BoundDevice> Devices { get; private init; } = ImmutableSortedDictionary<DeviceId, BoundDevice>.Empty;

    /// <summary>Devices that were let go while another member of their group is still bound: their contexts stay blocked until the last one leaves.</summary>
    public ImmutableSortedDictionary<DeviceId, DeviceTraits> Blocked { get; private init; } = ImmutableSortedDictionary<DeviceId, DeviceTraits>.Empty;

    /// <summary>The VMs that the fd was announced to, and what each was told last; null: nothing yet.</summary>
    public ImmutableSortedDictionary<VmId, bool?> Kvms { get; private init; } = ImmutableSortedDictionary<VmId, bool?>.Empty;

    public ImmutableList<RegisteredMemory> Registered { get; private init; } = [];

    /// <summary>Devices of which the user said that they may do non-coherent DMA for a VM.</summary>
    public ImmutableSortedSet<(VmId Vm, DeviceId Device)> Allowed { get; private init; } = [];

    /// <summary>What the policy has cost so far, without what can be seen in the records.</summary>
    public FdCosts Spent { get; private init; } = FdCosts.None;

    public AnswerWindow Answers { get; private init; } = AnswerWindow.Empty;

    /// <summary>What the kernel keeps for the process whose records these are; null: they are those of an ioasid_fd.</summary>
    public ProcessState? Process { get; private init; }

    public IEnumerable<BoundDevice> AttachedTo(IoasidNumber number) => Devices.Values.Where(device => device.Attached == number);

    public IEnumerable<BoundDevice> InGroup(GroupId group) => Devices.Values.Where(device => device.Traits.Group == group);

    /// <summary>Mappings of all IOASIDs.</summary>
    public int Mappings => Ioasids.Values.Sum(ioasid => ioasid.Areas.Count);

    /// <summary>Pinned bytes: registered memory once, and every mapping of every IOASID that lies outside of it.</summary>
    public ulong LockedBytes => LockedWith(Registered);

    /// <summary>Pinned bytes if this memory were registered.</summary>
    public ulong LockedWith(ImmutableList<RegisteredMemory> registered) => registered.IsEmpty
        ? Ioasids.Values.Aggregate(0UL, (sum, ioasid) => sum + ioasid.Areas.Bytes)
        : registered.Aggregate(0UL, (sum, memory) => sum + memory.Length) + Ioasids.Values.SelectMany(ioasid => ioasid.Areas.All)
            .Where(area => !registered.Exists(memory => memory.Contains(area.Memory, area.Range.Length)))
            .Aggregate(0UL, (sum, area) => sum + area.Range.Length);

    /// <summary>The policies of this fd, which is open.</summary>
    public Profile Profile => Profiles.Of(Options!);

    public TableSpec TableOf(BoundDevice device) => Ioasids[device.Place!.Number].Tables[device.Place.Table];

    /// <summary>The device is attached, may send no-snoop accesses, and meets leaves that do not enforce.</summary>
    public bool IsNoncoherent(BoundDevice device) => device.MaySendNoSnoop && Ioasids[device.Place!.Number].IsPlain(TableOf(device));

    /// <summary>The VMs whose KVM was not told that a device of this fd may do non-coherent DMA now (domain 3.5).</summary>
    public IEnumerable<VmId> CoherencyGaps => HasNoncoherentDevice ? Kvms.Where(kvm => kvm.Value != true).Select(kvm => kvm.Key) : [];

    /// <summary>The VMs that were last told something else than a walk over the IOASIDs would find now.</summary>
    public IEnumerable<VmId> StaleKvms => Options is null || Process is not null ? [] : Kvms.Where(kvm => (kvm.Value ?? false) != Profile.Kvm.IsNoncoherent(this, kvm.Key)).Select(kvm => kvm.Key);

    /// <summary>A device that may send no-snoop is attached to a table that does not enforce.</summary>
    public bool HasNoncoherentDevice => Devices.Values.Any(IsNoncoherent);

    /// <summary>The state after one log record.</summary>
    /// <param name="process">The process after the record's system calls, if that is known: they are not run again.</param>
    public FdState Apply(LogRecord record, ProcessState? process = null)
    {
        if (record.Changes[0] is FdSnapshot snapshot)
        {
            return From(snapshot, record);
        }

        FdState next = this with { Sequence = record.Sequence, Order = record.Order + CommitStore.OrderStep - 1, Answers = Answers.Add(record) };
        return record.Host is { } host ? (next with { Process = Process!.Sees(host) }).With(record.Changes)
            : process is not null ? (next with { Process = process }).With([.. record.Changes.Where(change => change is not SyscallMade)]) : next.With(record.Changes);
    }

    /// <summary>The changes of one record, each with the records as they were before it and as they are after it.</summary>
    /// <param name="after">The records after all of them.</param>
    public List<(FdState Before, Change Change, FdState After)> StepsOf(LogRecord record, FdState after)
    {
        List<(FdState, Change, FdState)> steps = [];
        FdState state = this with { Sequence = record.Sequence };
        for (int i = 0; i < record.Changes.Length; i++)
        {
            Change change = record.Changes[i];
            FdState next = change is SyscallMade ? state : i == record.Changes.Length - 1 && !after.Closed ? after : state.ApplyChange(change);
            steps.Add((state, change, next));
            state = next;
        }

        return steps;
    }

    /// <summary>The records as these changes leave them; what a decision that is not committed yet would lead to.</summary>
    public FdState With(Change[] changes)
    {
        FdState next = changes.Aggregate(this, (state, change) => (state with { Spent = FdCosting.Add(state, change) }).ApplyChange(change));
        return next.Closed && next.Devices.IsEmpty
            ? next with { Ioasids = next.Ioasids.Clear(), Kvms = next.Kvms.Clear(), Registered = [], Allowed = [] }
            : next;
    }

    private static FdState From(FdSnapshot snapshot, LogRecord record) => new()
    {
        Sequence = record.Sequence,
        Order = record.Order + CommitStore.OrderStep - 1,
        Options = snapshot.Options,
        Closed = snapshot.Closed,
        LastNumber = snapshot.LastNumber,
        Ioasids = FdSnapshots.IoasidsOf(snapshot),
        Devices = FdSnapshots.DevicesOf(snapshot),
        Blocked = snapshot.Blocked.ToImmutableSortedDictionary(member => member.Device, member => member.Traits),
        Kvms = snapshot.Kvms.ToImmutableSortedDictionary(kvm => kvm.Vm, kvm => kvm.Told),
        Registered = [.. snapshot.Registered.Select(memory => new RegisteredMemory(memory.Start, memory.Length))],
        Answers = AnswerWindow.Of(snapshot),
        Allowed = [.. snapshot.Allowed.Select(allowed => (allowed.Vm, allowed.Device))],
        Spent = snapshot.Costs,
    };

    private FdState ApplyChange(Change change) => change switch
    {
        FdOpened opened => this with { Options = opened.Options },
        ProcessStarted started => this with { Options = OpenOptions.Of(started.Options), Process = new ProcessState(started.Options) },
        HostSeen => this,
        SyscallMade made => this with { Process = SyscallFrame.Made(Process!, made.Call) },
        FdClosed => this with { Closed = true },
        MemoryRegistered memory => this with { Registered = Registered.Add(new RegisteredMemory(memory.Start, memory.Length)) },
        MemoryUnregistered memory => this with { Registered = Registered.RemoveAll(entry => entry.Start == memory.Start) },
        IoasidAllocated ioasid => this with
        {
            LastNumber = ioasid.Number.Value,
            Ioasids = Ioasids.Add(ioasid.Number, new IoasidEntry(
                ioasid.Number, ioasid.Spec, AreaMap.Of(ioasid.Areas), ImmutableSortedDictionary<int, TableSpec>.Empty, Sequence)),
        },
        IoasidFreed ioasid => this with { Ioasids = Ioasids.Remove(ioasid.Number) },
        AreaMapped mapped => WithIoasid(mapped.Number, entry => entry with { Areas = entry.Areas.Add(mapped.Area) }),
        AreasUnmapped unmapped => WithIoasid(
            unmapped.Number, entry => entry with { Areas = unmapped.Ranges.Aggregate(entry.Areas, (areas, range) => areas.Remove(range)) }),
        DirtyTrackingChanged tracking => WithIoasid(tracking.Number, entry => entry with { Spec = entry.Spec with { TracksDirty = tracking.Enabled } }),
        DeviceBound bound => this with
        {
            Devices = Devices.Add(bound.Device, new BoundDevice(bound.Device, bound.Traits, bound.Unit, null, bound.Traits.Opens == DriverOpens.AtBind)),
            Blocked = Blocked.Remove(bound.Device),
        },
        DeviceUnbound unbound => Unbind(Devices[unbound.Device]),
        DeviceAttached attached => WithDevice(attached.Device, attached).WithIoasid(attached.Number, entry => entry with
        {
            Tables = entry.Tables.SetItem(attached.Table, entry.Tables.TryGetValue(attached.Table, out TableSpec? table)
                ? table with { EnforceSnoop = attached.EnforceSnoop }
                : new TableSpec(attached.Table, attached.EnforceSnoop, Devices[attached.Device].Unit.PageSizes) { AddressWidth = attached.TableWidth }),
        }),
        DeviceDetached detached => WithIoasid(Devices[detached.Device].Place!.Number, entry => Left(entry, Devices[detached.Device].Place!.Table, detached))
            .WithDevice(detached.Device, null),
        KvmAdded kvm => this with { Kvms = Kvms.Add(kvm.Vm, null) },
        KvmRemoved kvm => this with { Kvms = Kvms.Remove(kvm.Vm), Allowed = Allowed.Except(Allowed.Where(allowed => allowed.Vm == kvm.Vm)) },
        KvmUpdated kvm => this with { Kvms = Kvms.SetItem(kvm.Vm, kvm.Noncoherent) },
        IncoherentDmaAllowed allowed => this with
        {
            Allowed = allowed.Allowed ? Allowed.Add((allowed.Vm, allowed.Device)) : Allowed.Remove((allowed.Vm, allowed.Device)),
        },
        _ => throw new InvariantException($"An fd's log holds {change.GetType().Name}, which is no change of an fd."),
    };

    private FdState WithIoasid(IoasidNumber number, Func<IoasidEntry, IoasidEntry> update) =>
        this with { Ioasids = Ioasids.SetItem(number, update(Ioasids[number]) with { Driven = Sequence }) };

    private static IoasidEntry Left(IoasidEntry entry, int table, DeviceDetached detached) => entry with
    {
        Tables = detached.DropsTable ? entry.Tables.Remove(table) : entry.Tables.SetItem(table, entry.Tables[table] with { EnforceSnoop = detached.EnforceSnoop }),
    };

    private FdState WithDevice(DeviceId device, DeviceAttached? place) =>
        this with { Devices = Devices.SetItem(device, Devices[device] with { Place = place, DriverOpened = true }) };

    private FdState Unbind(BoundDevice device)
    {
        FdState next = this with { Devices = Devices.Remove(device.Id) };
        bool groupHeld = next.InGroup(device.Traits.Group).Any();
        return next with
        {
            Blocked = groupHeld
                ? Blocked.Add(device.Id, device.Traits)
                : Blocked.RemoveRange(Blocked.Where(member => member.Value.Group == device.Traits.Group).Select(member => member.Key)),
        };
    }
}
