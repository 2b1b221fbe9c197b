// The status line of an ioasid_fd.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Describes an fd from its records, and names what belongs to it.</summary>
public static class FdStatus
{
    public static ObjectStatus Of(FdId id, FdState fd)
    {
        if (fd.Options is null)
        {
            return new ObjectStatus(id.Object, "unopened", "", []);
        }

        string state = !fd.Closed ? "open" : fd.Devices.IsEmpty ? "closed" : "closing";
        List<string> details = [$"profile={fd.Options.Profile}"];
        Add(details, "kvm", fd.Options.KvmSide is { } side ? [side] : Array.Empty<string>());
        Add(details, "devices", fd.Devices.Values.Select(device => $"{device.Id}:{(device.Place is { } place ? Where(place) : "blocked")}"));
        Add(details, "promised", fd.Devices.Values.Where(device => device.Place is { PromisesSnoop: true }).Select(device => device.Id));
        Add(details, "ioasids", fd.Ioasids.Keys);
        Add(details, "kvms", fd.Kvms.Select(kvm => $"{kvm.Key}:{(kvm.Value is { } told ? (told ? "noncoherent" : "coherent") : "untold")}"));
        Add(details, "allowed", fd.Allowed.Select(allowed => $"{allowed.Vm}:{allowed.Device}"));
        Add(details, "registered", fd.Registered.Select(memory => $"{memory.Start}+0x{memory.Length:x}"));
        Add(details, "coherency_gap", fd.CoherencyGaps);
        Add(details, "stale_kvm", fd.StaleKvms);
        if (fd.LockedBytes > 0)
        {
            details.Add($"locked=0x{fd.LockedBytes:x}");
        }

        return new ObjectStatus(id.Object, state, string.Join(' ', details), [.. Children(id, fd)]);
    }

    /// <summary>The IOASID, and its table if that is not the first one.</summary>
    private static string Where(DeviceAttached place) => place.Table == 0 ? place.Number.ToString() : $"{place.Number}/p{place.Table}";

    private static IEnumerable<ObjectId> Children(FdId id, FdState fd) =>
        fd.Ioasids.Keys.Select(number => new IoasidId(id, number).Object)
            .Concat(fd.Kvms.Keys.Select(vm => vm.Object))
            .Concat(fd.Ioasids.Values.SelectMany(ioasid => ioasid.Areas.All).Select(area => area.Memory.Memory.Object).Distinct());

    private static void Add<T>(List<string> details, string name, IEnumerable<T> values)
    {
        string text = string.Join(',', values);
        if (text.Length > 0)
        {
            details.Add($"{name}={text}");
        }
    }
}
