// From the description of the machine in a recording to declared IOMMU units and devices; used by conform.
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>
/// The hardware behind a recording. Words of the platform that name an option of the machine choose capabilities and register values; nothing here knows an answer.
/// </summary>
internal sealed partial class RecordedHost
{
    /// <summary>What options of QEMU's intel-iommu add to a unit's registers, or take away.</summary>
    private const ulong EcapDeviceIotlb = 1 << 2, EcapEim = 1 << 4, EcapPassThrough = 1 << 6, EcapPasid = 1UL << 40, CapCachingMode = 1 << 7;

    private const ulong VtdPages = 0x40201000, AmdPages = 0xfff7ffffff000, VirtioPages = 0xfffffffffffff000;
    private const string NoUnit = "none";

    private readonly HostId _host;
    private readonly JsonObject _given;
    private readonly string _words;

    private RecordedHost(HostId host, JsonObject given)
    {
        (_host, _given) = (host, given);
        _words = given["platform"]?.GetValue<string>() ?? "";
    }

    /// <summary>The machine of a program, and the process that ran on it.</summary>
    public static (List<UapiCommand> Declarations, ProcessOptions Options) Of(HostId host, JsonObject given, string profile, UserRegion[] memory)
    {
        var read = new RecordedHost(host, given);
        return (read.Declarations(), read.Options(profile, memory));
    }

    /// <summary>The group of a device; of the first one if none is named.</summary>
    public static string GroupOf(JsonObject given, string? device)
    {
        JsonObject devices = given["devices"] as JsonObject ?? [];
        string name = device ?? devices.Select(one => one.Key).FirstOrDefault() ?? "";
        return devices[name]?["group"]?.ToString() ?? name;
    }

    /// <summary>The machine of sequences: A and C can enforce snooping, B cannot, each alone in its group.</summary>
    public static JsonObject OfSequences() => new()
    {
        ["platform"] = "intel-iommu snoop-control=on intremap=on",
        ["devices"] = new JsonObject
        {
            ["A"] = new JsonObject { ["group"] = "gA", ["can_enforce_cc"] = true },
            ["B"] = new JsonObject { ["group"] = "gB", ["can_enforce_cc"] = false },
            ["C"] = new JsonObject { ["group"] = "gC", ["can_enforce_cc"] = true },
        },
        ["iommu"] = new JsonObject { ["driver"] = "intel" },
    };

    private JsonObject? Iommu => _given["iommu"] as JsonObject;

    private string Driver => Iommu?["driver"]?.GetValue<string>() ?? (Iommu is null ? NoUnit : _words.Contains("amd-iommu") ? "amd" : _words.Contains("virtio") ? "virtio" : "intel");

    private bool Has(string option) => Regex.IsMatch(_words, $@"\b{option}=(on|1)\b");

    private ProcessOptions Options(string profile, UserRegion[] memory) => ProcessOptions.Default with
    {
        Profile = profile == "" ? ProcessOptions.Default.Profile : profile,
        ContainerProfile = profile == "" ? ProcessOptions.Default.ContainerProfile : profile,
        Memory = memory,
        AllowUnsafeInterrupts = Iommu?["allow_unsafe_interrupts"]?.GetValue<bool>() ?? AllowsUnsafeInterrupts().IsMatch(_words),
        NoIommu = AllowsNoIommu().IsMatch(_words),
        Selftest = Driver == "mock",
    };

    private List<UapiCommand> Declarations()
    {
        List<UapiCommand> all = [];
        JsonObject devices = _given["devices"] as JsonObject ?? [];
        if (Driver is not (NoUnit or "mock"))
        {
            all.AddRange(devices.Select(device => CanEnforce(device.Value!)).Distinct().Select(can => new DeclareUnit(UnitOf(can), Unit(can))));
        }

        foreach ((string name, JsonNode? device) in devices)
        {
            var traits = new DeviceTraits(
                UnitOf(CanEnforce(device!)), new GroupId(_host.Key(device!["group"]?.GetValue<string>() ?? name)), default, false, DeviceDriver.VfioPci, DriverOpens.AtBind, []);
            all.Add(new DeclareDevice(new DeviceId(_host.Key(name)), traits));
        }

        return all;
    }

    private static bool CanEnforce(JsonNode device) => device["can_enforce_cc"]?.GetValue<bool>() ?? false;

    /// <summary>The recorded machines have one unit; one that masks its ability for some devices is two units to us.</summary>
    private UnitId UnitOf(bool enforces) => new(_host.Key(Driver == NoUnit ? NoUnit : enforces ? "iommu0" : "iommu1"));

    private IommuCapabilities Unit(bool enforces) => Driver switch
    {
        "intel" => Vtd(enforces),
        "amd" => Foreign(enforces, IommuDriver.Amd, AmdPages),
        "virtio" => Foreign(enforces, IommuDriver.Virtio, VirtioPages),
        _ => throw new CallNotUnderstoodException($"given.iommu.driver \"{Driver}\" is none of intel, amd, virtio and mock"),
    };

    private IommuCapabilities Vtd(bool enforces)
    {
        int width = AwBits().Match(_words) is { Success: true } bits ? int.Parse(bits.Groups[1].Value, CultureInfo.InvariantCulture) : 48;
        bool scalable = Regex.IsMatch(_words, @"\b(x-)?scalable-mode=(on|modern|legacy)\b");
        var unit = new IommuCapabilities(enforces, width, VtdPages, scalable, Reserved())
        {
            Driver = IommuDriver.Vtd, Aperture = Aperture(), MsiIsolated = MsiIsolated(!_words.Contains("intremap=off")),
        };
        return unit with { Registers = Registers(unit) };
    }

    /// <summary>A unit that masks its ability for some devices still shows it.</summary>
    private VtdRegisters Registers(IommuCapabilities unit)
    {
        bool snoopControl = _words.Contains("snoop-control=") ? Has("snoop-control") : unit.EnforceSnoop;
        (ulong cap, ulong ecap) = VtdRegisters.Of(unit with { EnforceSnoop = snoopControl });
        ecap |= Options(("device-iotlb", EcapDeviceIotlb), ("eim", EcapEim), ("x-pasid-mode", EcapPasid));
        return new VtdRegisters(
            _words.Contains("caching-mode=off") ? cap & ~CapCachingMode : cap, _words.Contains("pt=off") ? ecap & ~EcapPassThrough : ecap);
    }

    private ulong Options(params (string Word, ulong Bit)[] options) => options.Aggregate(0UL, (bits, option) => bits | (Has(option.Word) ? option.Bit : 0));

    /// <summary>A page table of ours is at most 57 bits wide; what the aperture has above can be mapped but is reached by no device.</summary>
    private IommuCapabilities Foreign(bool enforces, IommuDriver driver, ulong pages) =>
        new(enforces, 57, IommuCapabilities.AllPageSizes, false, Reserved())
        {
            Driver = driver, Aperture = Aperture() ?? new IovaRange(0, ulong.MaxValue), ReportedPageSizes = pages,
            MsiIsolated = MsiIsolated(driver == IommuDriver.Amd && !_words.Contains("intremap=off")),
        };

    private bool MsiIsolated(bool otherwise) => Iommu?["msi_isolated"] is JsonValue value && value.TryGetValue(out bool isolated) ? isolated : otherwise;

    private IovaRange? Aperture() => Iommu?["aperture"] is JsonArray { Count: 2 } ends ? new IovaRange(FlowNumber.Of(ends[0]), FlowNumber.Of(ends[1])) : null;

    private IovaRange[] Reserved() =>
        [.. (Iommu?["reserved"] as JsonArray ?? []).Select(range => new IovaRange(FlowNumber.Of(range![0]), FlowNumber.Of(range[1])))
            .Where(range => range != Quantity.InterruptWindow)];

    [GeneratedRegex(@"\baw-bits=(\d+)\b")]
    private static partial Regex AwBits();

    [GeneratedRegex(@"unsafe interrupts ?= ?(1|on|y)")]
    private static partial Regex AllowsUnsafeInterrupts();

    [GeneratedRegex(@"noiommu( mode)? ?= ?(1|on|y)")]
    private static partial Regex AllowsNoIommu();
}
