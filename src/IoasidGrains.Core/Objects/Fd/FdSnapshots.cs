// Between an fd's state and the one change that stands for its whole log; used by the commit store to keep logs short.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Shortens logs of fds. Loading the short log gives the same state, down to what was driven last.</summary>
public static class FdSnapshots
{
    /// <summary>
    /// A log of two records that stands for this one: everything up to the last but one, and the last, which a new activation may have to drive again.
    /// </summary>
    public static LogRecord[] Shorten(IReadOnlyList<LogRecord> log)
    {
        FdState state = FdState.Unopened;
        foreach (LogRecord record in log.Take(log.Count - 1))
        {
            state = state.Apply(record);
        }

        LogRecord before = log[^2];
        return [before with { Changes = [Of(state)] }, log[^1]];
    }

    public static FdSnapshot Of(FdState state) => new(
        state.Options!, state.Closed, state.LastNumber,
        [.. state.Ioasids.Values.Select(ioasid => new IoasidSnapshot(ioasid.Number, ioasid.Spec, [.. ioasid.Areas.All], [.. ioasid.Tables.Values], ioasid.Driven))],
        [.. state.Devices.Values.Select(device => new DeviceSnapshot(new DeviceBound(device.Id, device.Traits, device.Unit), device.Place, device.DriverOpened))],
        [.. state.Blocked.Select(member => new BlockedSnapshot(member.Key, member.Value))],
        [.. state.Kvms.Select(kvm => new KvmSnapshot(kvm.Key, kvm.Value))],
        [.. state.Registered.Select(memory => new MemoryRegistered(memory.Start, memory.Length))],
        [.. state.Answers.All], [.. state.Answers.Bounds],
        [.. state.Allowed.Select(allowed => new IncoherentDmaAllowed(allowed.Vm, allowed.Device, true))], state.Spent);

    public static ImmutableSortedDictionary<IoasidNumber, IoasidEntry> IoasidsOf(FdSnapshot snapshot) => snapshot.Ioasids.ToImmutableSortedDictionary(
        ioasid => ioasid.Number, ioasid => new IoasidEntry(
            ioasid.Number, ioasid.Spec, AreaMap.Of(ioasid.Areas), ioasid.Tables.ToImmutableSortedDictionary(table => table.Index, table => table), ioasid.Driven));

    public static ImmutableSortedDictionary<DeviceId, BoundDevice> DevicesOf(FdSnapshot snapshot) => snapshot.Devices.ToImmutableSortedDictionary(
        device => device.Bound.Device, device => new BoundDevice(device.Bound.Device, device.Bound.Traits, device.Bound.Unit, device.Place, device.DriverOpened));
}
