// From what a system call did to devices and their page tables to changes of the records that the objects below are driven from.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>An address space becomes an IOASID of the process's records when the first device joins a table of it, and ends with the last one.</summary>
public static class Lowering
{
    private const int Narrow = 39, Wide = 48, Widest = 57;

    /// <summary>The changes, the claims that go with them, and what the call answers if one of those is refused.</summary>
    public static (Change[] Changes, (Claim Claim, Errno IfRefused)[] Claims) Of(FdState records, FdId id, IReadOnlyList<LiveChange> live)
    {
        List<Change> changes = [];
        List<(Claim, Errno)> claims = [];
        FdState state = records;
        Change? pending = null;
        foreach (LiveChange one in live)
        {
            // The last change is left to whoever commits it.
            state = pending is null ? state : state.With([pending]);
            pending = null;
            foreach (Change change in OfOne(state, one).ToArray())
            {
                state = pending is null ? state : state.With([pending]);
                claims.AddRange(ClaimsOf(state, id, change));
                changes.Add(change);
                pending = change;
            }
        }

        return ([.. changes], [.. claims]);
    }

    private static IEnumerable<Change> OfOne(FdState state, LiveChange live) => live switch
    {
        DeviceHeld held => [new DeviceBound(held.Device.Id, held.Device.Traits, held.Device.Unit!)],
        DeviceFreed freed => [new DeviceUnbound(freed.Device, FileOpen: true)],
        TableJoined joined => Join(state, joined),
        TableLeft left => Leave(state, left),
        SpaceMapped mapped when Find(state, mapped.Space) is { } space && mapped.Area.Range.Last <= space.Spec.LastIova => [new AreaMapped(space.Number, mapped.Area)],
        SpaceUnmapped unmapped when Find(state, unmapped.Space) is { } space => Unmap(space, unmapped.Ranges),
        SpaceTracked tracked when Find(state, tracked.Space) is { } space => [new DirtyTrackingChanged(space.Number, tracked.Enabled)],
        NoncoherentDma dma when state.Kvms.ContainsKey(dma.Vm) => [new KvmUpdated(dma.Vm, dma.Registered)],
        NoncoherentDma dma => [new KvmAdded(dma.Vm), new KvmUpdated(dma.Vm, dma.Registered)],
        _ => [],
    };

    /// <summary>What lies past the widest page table cannot be reached by a device: it is left out.</summary>
    private static IEnumerable<Change> Join(FdState state, TableJoined joined)
    {
        var number = new IoasidNumber((uint)joined.Space);
        if (!state.Ioasids.ContainsKey(number))
        {
            var spec = new IoasidSpec(false, Widest, 0) { Auto = true, TracksDirty = joined.TracksDirty };
            yield return new IoasidAllocated(number, spec) { Areas = [.. joined.Areas().Where(area => area.Range.Last <= spec.LastIova)] };
        }

        yield return new DeviceAttached(joined.Device, number, joined.Table, joined.EnforceSnoop) { ForcesSnoop = joined.ForcesSnoop, TableWidth = WidthFor(joined.Translated.Last) };
    }

    private static int WidthFor(ulong last) => last >> Narrow == 0 ? Narrow : last >> Wide == 0 ? Wide : Widest;

    private static IEnumerable<Change> Leave(FdState state, TableLeft left)
    {
        DeviceAttached place = state.Devices[left.Device].Place!;
        int stay = state.AttachedTo(place.Number).Count(device => device.Id != left.Device && device.Place!.Table == place.Table);
        yield return new DeviceDetached(left.Device, DropsTable: stay == 0, left.EnforceSnoop);
        if (state.AttachedTo(place.Number).All(device => device.Id == left.Device))
        {
            yield return new IoasidFreed(place.Number);
        }
    }

    private static Change[] Unmap(IoasidEntry space, IovaRange[] ranges)
    {
        IovaRange[] mapped = [.. ranges.Where(range => space.Areas.Find(range) is not null)];
        return mapped.Length == 0 ? [] : [new AreasUnmapped(space.Number, mapped)];
    }

    private static IoasidEntry? Find(FdState state, int space) => state.Ioasids.GetValueOrDefault(new IoasidNumber((uint)space));

    private static IEnumerable<(Claim, Errno)> ClaimsOf(FdState state, FdId id, Change change) => change switch
    {
        DeviceBound bound when state.InGroup(bound.Traits.Group).Any() => [(Claim.Take(bound.Device), Errno.EBUSY)],
        DeviceBound bound => [(Claim.Take(bound.Device), Errno.EBUSY), (Claim.Take(bound.Traits.Group), Errno.EPERM)],
        DeviceUnbound unbound when state.InGroup(state.Devices[unbound.Device].Traits.Group).Count() > 1 => [(Claim.Release(unbound.Device), Errno.EIO)],
        DeviceUnbound unbound => [(Claim.Release(unbound.Device), Errno.EIO), (Claim.Release(state.Devices[unbound.Device].Traits.Group), Errno.EIO)],
        KvmAdded added => [(Claim.Link(added.Vm, id), Errno.EIO)],
        KvmUpdated updated when (state.Kvms[updated.Vm] ?? false) != updated.Noncoherent =>
            [(updated.Noncoherent ? Claim.Noncoherent(updated.Vm, id, byFiles: true) : Claim.Coherent(updated.Vm, id, byFiles: true), Errno.EIO)],
        _ => [],
    };
}
