// What the objects below an fd must be told after a log record: a pure function of the records before and after it.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// The drives of one log record, in order. Used when the record is committed and again when a new activation of the fd finds it as its
/// last one: leaves apply a drive once, so driving twice changes nothing.
/// </summary>
public static class FdDrives
{
    /// <returns>With each drive the records as they were before it.</returns>
    public static List<(ObjectId To, Drive Drive, FdState Before)> Of(FdState before, FdState after, LogRecord record, Stamp stamp)
    {
        List<(ObjectId To, Drive Drive, FdState Before)> drives = [];
        foreach ((FdState previous, Change change, FdState next) in before.StepsOf(record, after))
        {
            drives.AddRange(OfChange(previous, next, change, stamp).Select(drive => (drive.Item1, drive.Item2, previous)));
        }

        if (after.Closed && after.Devices.IsEmpty)
        {
            drives.AddRange(before.Ioasids.Values.Select(ioasid => (Target(ioasid.Number, stamp), (Drive)Destroy(ioasid, stamp).Item2, before)));
            drives.AddRange(before.Kvms.Keys.Select(vm => (vm.Object, (Drive)new UnlinkFd(stamp, vm), before)));
        }

        // Up before it takes effect, down after it is complete.
        KvmUpdated[] updates = [.. record.Changes.OfType<KvmUpdated>()];
        drives = [.. updates.Where(update => update.Noncoherent).Select(update => Tell(after, update, stamp, before)), .. drives,
            .. updates.Where(update => !update.Noncoherent).Select(update => Tell(after, update, stamp, before))];
        Invariant.Check(drives.Count < CommitStore.OrderStep, "One record has more drives than numbers.");
        return [.. drives.Select((drive, part) => drive with { Drive = drive.Drive with { Stamp = drive.Drive.Stamp with { Order = record.Order + part } } })];
    }

    private static (ObjectId, Drive, FdState) Tell(FdState after, KvmUpdated update, Stamp stamp, FdState before)
    {
        KvmSide side = after.Profile.Kvm;
        return (update.Vm.Object, new UpdateSnoop(stamp, update.Vm, update.Noncoherent) { ByFiles = side.ByFiles, FlushFirst = side.FlushesAtEdge }, before);
    }

    /// <summary>Builds one IOASID as <paramref name="state"/> has it.</summary>
    public static BuildIoasid Build(FdState state, IoasidEntry entry, Stamp stamp) => new(
        stamp with { Sequence = entry.Driven, Order = state.Order }, new IoasidId(stamp.Fd, entry.Number), entry.Spec,
        [.. entry.Areas.All], [.. entry.Tables.Values], [.. state.AttachedTo(entry.Number).Select(device => device.Attachment)]);

    /// <summary>
    /// As it was before a drive that comes next. That drive may have been answered before all was lost, so what it takes away is not given back meanwhile:
    /// no area is mapped and no device enabled again, not even for a moment.
    /// </summary>
    public static BuildIoasid BuildBefore(FdState before, IoasidDrive next)
    {
        BuildIoasid build = Build(before, before.Ioasids[next.Ioasid.Number], next.Stamp);
        return next switch
        {
            UnmapAreas unmap => build with { Areas = [.. build.Areas.Where(area => !unmap.Ranges.Contains(area.Range))] },
            DetachDevice detach => build with { Leaving = detach.Device },
            _ => build,
        };
    }

    /// <summary>What a leaf that lost its records must be told to be as <paramref name="state"/> has it.</summary>
    public static List<(ObjectId To, Drive Drive, FdState Before)> Again(FdState state, ObjectId leaf, Stamp stamp)
    {
        List<(ObjectId, Drive, FdState)> drives = [];
        if (leaf.Kind == ObjectKind.Device && state.Devices.TryGetValue(new DeviceId(leaf.Key), out BoundDevice? device))
        {
            DmaRoute? route = device.Place is { } place
                ? new DmaRoute(new PageTableId(new IoasidId(stamp.Fd, place.Number), place.Table), device.Unit) { ForcesSnoop = place.ForcesSnoop } : null;
            drives.Add((leaf, new HoldDevice(stamp, device.Id, Held: true, FileOpen: true, device.Unit) { Route = route }, state));
        }

        if (leaf.Kind == ObjectKind.PageTable && state.Ioasids.TryGetValue(PageTableId.Parse(leaf.Key).Ioasid.Number, out IoasidEntry? ioasid))
        {
            drives.Add((Target(ioasid.Number, stamp), Build(state, ioasid, stamp), state));
        }

        return drives;
    }

    private static IEnumerable<(ObjectId, Drive)> OfChange(FdState before, FdState after, Change change, Stamp stamp) => change switch
    {
        IoasidAllocated allocated => [(Target(allocated.Number, stamp), Build(after, after.Ioasids[allocated.Number], stamp))],
        IoasidFreed freed => [Destroy(before.Ioasids[freed.Number], stamp)],
        DirtyTrackingChanged tracking =>
            [ToIoasid(before, tracking.Number, stamp, (previous, id) => new TrackIoasid(stamp, previous, id, tracking.Enabled))],
        AreaMapped mapped => [ToIoasid(before, mapped.Number, stamp, (previous, id) => new MapArea(stamp, previous, id, mapped.Area))],
        AreasUnmapped unmapped => [ToIoasid(before, unmapped.Number, stamp, (previous, id) => new UnmapAreas(stamp, previous, id, unmapped.Ranges))],
        DeviceBound bound =>
        [
            (bound.Traits.Unit.Object, new SetContext(stamp, bound.Traits.Unit, bound.Device, ContextEntry.Blocked)),
            (bound.Device.Object, new HoldDevice(stamp, bound.Device, Held: true, FileOpen: true, bound.Unit)),
        ],
        DeviceUnbound unbound => OfUnbind(before, after, unbound, stamp),
        DeviceAttached attached => [ToIoasid(before, attached.Number, stamp,
            (previous, id) => new AttachDevice(
                stamp, previous, id, after.Ioasids[attached.Number].Tables[attached.Table], after.Devices[attached.Device].Attachment))],
        DeviceDetached detached => [ToIoasid(before, before.Devices[detached.Device].Place!.Number, stamp,
            (previous, id) => new DetachDevice(stamp, previous, id, detached.Device, detached.DropsTable, detached.EnforceSnoop))],
        // Its link is in the update that goes with it, if there is one.
        KvmAdded kvm => after.Kvms[kvm.Vm] is null ? [(kvm.Vm.Object, new LinkFd(stamp, kvm.Vm))] : [],
        KvmRemoved kvm => [(kvm.Vm.Object, new UnlinkFd(stamp, kvm.Vm))],
        _ => [],
    };

    /// <summary>The device lets go; its context stays blocked while another member of the group is bound (RFC v2 1.3), then the default domain is back.</summary>
    private static List<(ObjectId, Drive)> OfUnbind(FdState before, FdState after, DeviceUnbound unbound, Stamp stamp)
    {
        BoundDevice device = before.Devices[unbound.Device];
        bool groupFree = !after.InGroup(device.Traits.Group).Any();
        List<(ObjectId, Drive)> drives =
        [
            (device.Id.Object, new HoldDevice(stamp, device.Id, Held: false, unbound.FileOpen, device.Unit)),
            (device.Traits.Unit.Object, new SetContext(stamp, device.Traits.Unit, device.Id, groupFree ? ContextEntry.Default : ContextEntry.Blocked)),
        ];
        drives.AddRange(before.Blocked.Where(member => groupFree && member.Value.Group == device.Traits.Group)
            .Select(member => (member.Value.Unit.Object, (Drive)new SetContext(stamp, member.Value.Unit, member.Key, ContextEntry.Default))));
        return drives;
    }

    private static (ObjectId, Drive) Destroy(IoasidEntry ioasid, Stamp stamp) =>
        (Target(ioasid.Number, stamp), new DestroyIoasid(stamp, ioasid.Driven, new IoasidId(stamp.Fd, ioasid.Number), [.. ioasid.Tables.Keys]));

    private static (ObjectId, Drive) ToIoasid(FdState before, IoasidNumber number, Stamp stamp, Func<long, IoasidId, IoasidDrive> drive)
    {
        var id = new IoasidId(stamp.Fd, number);
        return (id.Object, drive(before.Ioasids[number].Driven, id));
    }

    private static ObjectId Target(IoasidNumber number, Stamp stamp) => new IoasidId(stamp.Fd, number).Object;
}
