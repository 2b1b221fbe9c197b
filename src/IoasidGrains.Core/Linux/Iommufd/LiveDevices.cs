// What a change of an iommufd's objects means for the devices behind it. Used by every handler that binds, attaches or lets go.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>Compares where each bound device translates before and after; mappings are told by whoever maps.</summary>
public static class LiveDevices
{
    private readonly record struct Place(int Space, int Table, bool EnforceSnoop, IovaRange Translated, bool Tracking);

    public static void Tell(SyscallFrame frame, IommufdContext before, IommufdContext after)
    {
        Dictionary<DeviceId, (DeviceFacts Facts, Place? Place)> old = PlacesOf(before), now = PlacesOf(after);
        foreach ((DeviceId id, (_, Place? place)) in old)
        {
            bool stays = now.TryGetValue(id, out (DeviceFacts Facts, Place? Place) next);
            if (place is { } left && (!stays || next.Place?.Table != left.Table))
            {
                frame.Live.Add(new TableLeft(id, after.Objects.Values.OfType<PagingHwpt>().FirstOrDefault(table => table.Number == left.Table)?.EnforceSnoop ?? left.EnforceSnoop));
            }

            if (!stays)
            {
                frame.Live.Add(new DeviceFreed(id));
            }
        }

        foreach ((DeviceId id, (DeviceFacts facts, Place? place)) in now)
        {
            if (!old.TryGetValue(id, out (DeviceFacts Facts, Place? Place) previous))
            {
                frame.Live.Add(new DeviceHeld(facts));
            }

            if (place is { } joined && previous.Place?.Table != joined.Table)
            {
                frame.Live.Add(new TableJoined(id, joined.Space, joined.Table, joined.EnforceSnoop, joined.Translated, () => AreasOf(frame, after, joined.Space)) { TracksDirty = joined.Tracking });
            }
        }
    }

    /// <summary>Those that let a device through at all.</summary>
    public static IEnumerable<Area> Lower(SyscallFrame frame, IEnumerable<IoArea> areas) =>
        areas.Where(area => area.Access != DmaAccess.None).Select(area => new Area(area.Range, frame.Address(area.Address), area.Access));

    private static IEnumerable<Area> AreasOf(SyscallFrame frame, IommufdContext context, int space) =>
        Lower(frame, context.Objects.Values.OfType<Ioas>().First(ioas => ioas.Space == space).Pages.Areas);

    private static Dictionary<DeviceId, (DeviceFacts, Place?)> PlacesOf(IommufdContext context)
    {
        Dictionary<DeviceId, (DeviceFacts, Place?)> places = [];
        foreach (IommufdDevice device in context.Devices.Where(device => device.Facts is not null))
        {
            PagingHwpt? table = context.GroupOf(device) is { Table: not 0 } group ? context.PagingOf(group.Table) : null;
            places.Add(device.Facts!.Id, (device.Facts, table is null ? null : new Place(context.Find<Ioas>(table.Ioas)!.Space, table.Number, table.EnforceSnoop, table.Maker.Aperture, table.Tracking)));
        }

        return places;
    }
}
