// The small host that a search runs over: its IOMMU units, its devices, and how many IOASIDs the fd has.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>One host with one fd and one VM. Names are what a flow calls the objects.</summary>
/// <param name="Name">T1 to T4, or the name of a file.</param>
public sealed record Topology(string Name, IReadOnlyList<DeclareUnit> Units, IReadOnlyList<DeclareDevice> Devices, int Ioasids)
{
    /// <summary>More would take longer than anybody waits, and a state's word has no room for them.</summary>
    public const int MaxDevices = 5, MaxIoasids = 3;

    public static readonly HostId Host = new("host1");
    public static readonly FdId Fd = new(Host.Key("fd1"));
    public static readonly VmId Vm = new(Host.Key("vm1"));

    /// <summary>The topologies of domain 7. T1 is the default one: two units, three devices, two IOASIDs, one VM.</summary>
    public static readonly IReadOnlyList<Topology> Known =
    [
        new("T1", [Unit("u1", true), Unit("u2", false)], [Device("A", "u1"), Device("A2", "u1"), Device("B", "u2")], 2),
        new("T2", [Unit("u1", true)], [Device("A", "u1"), Device("A2", "u1")], 2),
        new("T3", [Unit("u1", true)], [Device("G1", "u1", "g1"), Device("G2", "u1", "g1")], 2),
        new("T4", [Unit("u1", true), Unit("u3", true, width: 39)], [Device("A", "u1"), Device("A2", "u1"), Device("N", "u3")], 2),
    ];

    /// <summary>What is contradictory in it, as a sentence; null if nothing is.</summary>
    public string? Problem
    {
        get
        {
            UapiCommand[] all = [.. Units, .. Devices];
            IGrouping<string, UapiCommand>? twice = all.GroupBy(declared => declared.Entry.Object.ShortName).FirstOrDefault(same => same.Count() > 1);
            DeclareDevice? lost = Devices.FirstOrDefault(device => Units.All(unit => unit.Unit != device.Traits.Unit));
            return Devices.Count is 0 or > MaxDevices ? $"a topology has 1 to {MaxDevices} devices, not {Devices.Count}"
                : Ioasids is < 1 or > MaxIoasids ? $"a topology has 1 to {MaxIoasids} IOASIDs, not {Ioasids}"
                : twice is not null ? $"'{twice.Key}' is declared twice"
                : lost is not null ? $"device '{lost.Device}' is behind '{lost.Traits.Unit}', which is not declared"
                : all.FirstOrDefault(declared => declared.Entry.Object.ShortName is "fd1" or "vm1") is { } taken ? $"'{taken.Entry.Object.ShortName}' is the name of the fd or the VM"
                : SplitGroup is { } group ? $"group '{group}' spans two IOMMU units" : null;
        }
    }

    /// <summary>Bits of an IOVA that every unit has: all IOASIDs are so wide, so that no device is refused for its unit's width.</summary>
    public int AddressWidth => Units.Min(unit => unit.Capabilities.AddressWidth);

    /// <summary>What the unit in front of a device can do.</summary>
    public IommuCapabilities UnitOf(DeclareDevice device) => Units.First(unit => unit.Unit == device.Traits.Unit).Capabilities;

    /// <summary>A move in words: <c>attach A to 1 snoop</c>.</summary>
    public string TextOf(Move move)
    {
        DeviceId device = Devices[move.Device].Device;
        string page = $"page {move.Ioasid + 1}";
        string flag = move.Flag is { } format ? " " + format.Word() : "";
        return move.Kind switch
        {
            MoveKind.Plug => $"plug {device}",
            MoveKind.Unplug => $"unplug {device}",
            MoveKind.Attach => $"attach {device} to {move.Ioasid + 1}{flag}",
            MoveKind.Detach => $"detach {device}",
            MoveKind.DmaRead => $"{device} reads with no-snoop",
            MoveKind.DmaWrite => $"{device} writes with no-snoop",
            MoveKind.CpuRead => $"the guest reads {page}",
            MoveKind.CpuWrite => $"the guest writes {page}",
            MoveKind.Wbinvd => "the guest executes wbinvd",
            MoveKind.KvmAdd => "register the fd with the VM",
            MoveKind.KvmDel => "take the fd from the VM",
            MoveKind.KvmUpdate => "tell KVM to look again",
            _ => $"{move.Kind.ToString().ToLowerInvariant()} {move.Ioasid + 1}{flag}",
        };
    }

    private GroupId? SplitGroup => Devices.GroupBy(device => device.Traits.Group)
        .Where(group => group.Select(device => device.Traits.Unit).Distinct().Count() > 1).Select(group => (GroupId?)group.Key).FirstOrDefault();

    private static DeclareUnit Unit(string name, bool enforceSnoop, int width = 48) =>
        new(new UnitId(Host.Key(name)), new IommuCapabilities(enforceSnoop, width, IommuCapabilities.AllPageSizes, false, []));

    private static DeclareDevice Device(string name, string unit, string? group = null) => new(
        new DeviceId(Host.Key(name)),
        new DeviceTraits(
            new UnitId(Host.Key(unit)), new GroupId(Host.Key(group ?? name)), new PciId(0x8086, 0x0200), false, DeviceDriver.VfioPci, DriverOpens.AtBind, []));
}
