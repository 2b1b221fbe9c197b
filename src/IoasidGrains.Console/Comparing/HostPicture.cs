// What a host looks like after a step: where each device translates, and what each VM's KVM does. Read from status lines, so the same on every runner.
using IoasidGrains.Core;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>Where a device is.</summary>
internal enum DevicePlace
{
    /// <summary>Not declared yet, its file closed, or not bound.</summary>
    Absent,

    /// <summary>Bound, attached nowhere.</summary>
    Blocked,

    /// <summary>On an enforcing table, or snooped by its context entry.</summary>
    Enforcing,

    /// <summary>On a plain table.</summary>
    Plain,

    /// <summary>On a table whose mappings have formats of their own.</summary>
    PerMapping,
}

/// <summary>One device at one moment.</summary>
/// <param name="Table">The table's name, if it is attached.</param>
/// <param name="Gap">It may send no-snoop past the caches while a VM of its fd ignores wbinvd.</param>
internal sealed record DevicePicture(string Name, DevicePlace Place, string Table, bool Gap)
{
    public bool IsAttached => Place is DevicePlace.Enforcing or DevicePlace.Plain or DevicePlace.PerMapping;

    /// <summary>One letter: E, P, M (per mapping), b (blocked) or -.</summary>
    public char Letter => Place switch
    {
        DevicePlace.Enforcing => 'E',
        DevicePlace.Plain => 'P',
        DevicePlace.PerMapping => 'M',
        DevicePlace.Blocked => 'b',
        _ => '-',
    };
}

/// <summary>One VM at one moment.</summary>
/// <param name="Registered">Names of the devices whose fd, or whose file, KVM knows.</param>
internal sealed record VmPicture(string Name, int Count, WbinvdMode Wbinvd, string[] Registered);

/// <summary>All devices and VMs of a host, by name.</summary>
internal sealed record HostPicture(DevicePicture[] Devices, VmPicture[] Vms)
{
    public static HostPicture Of(IReadOnlyList<ObjectStatus> all)
    {
        var view = new StatusView(all);
        return new HostPicture(
            [.. view.Of(ObjectKind.Device).Select(device => Device(view, device))],
            [.. view.Of(ObjectKind.Kvm).Where(vm => vm.State == "running").Select(vm => Vm(view, vm))]);
    }

    private static VmPicture Vm(StatusView view, ObjectStatus vm) => new(
        vm.Id.ShortName, int.Parse(view.Text(vm, "noncoherent_dma")),
        view.Text(vm, "wbinvd") == WbinvdMode.Nop.Word() ? WbinvdMode.Nop : WbinvdMode.Emulated,
        [.. Registered(view, vm)]);

    private static IEnumerable<string> Registered(StatusView view, ObjectStatus vm)
    {
        string[] fds = [.. view.Pairs(vm, "fds").Select(link => link.Key)];
        return view.Pairs(vm, "files").Select(file => file.Key)
            .Concat(view.Of(ObjectKind.Device).Where(device => fds.Contains(view.Text(device, "fd"))).Select(device => device.Id.ShortName));
    }

    private static DevicePicture Device(StatusView view, ObjectStatus device)
    {
        string table = view.Text(device, "table");
        DevicePlace place = device.State switch
        {
            "blocked" => DevicePlace.Blocked,
            "attached" when view.Has(device, "snoop_forced") => DevicePlace.Enforcing,
            "attached" => view.Find(ObjectKind.PageTable, table)?.State switch
            {
                "enforcing" => DevicePlace.Enforcing,
                "per_mapping" => DevicePlace.PerMapping,
                _ => DevicePlace.Plain,
            },
            _ => DevicePlace.Absent,
        };
        bool gap = place is DevicePlace.Plain or DevicePlace.PerMapping && !view.Has(device, "coherent_only")
            && view.List(view.Find(ObjectKind.IoasidFd, view.Text(device, "fd")), "coherency_gap").Length > 0;
        return new DevicePicture(device.Id.ShortName, place, table, gap);
    }
}
