// The grammar of iommu, device, open and close: what stands around the ioctls. Used by StepGrammar.
using System.Globalization;
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Declarations with their options, in any order after the fixed words.</summary>
internal static class HostGrammar
{
    private const string DevicePath = "/dev/ioasid";

    private static readonly PciId NetworkController = new(0x8086, 0x0200);

    private static readonly Dictionary<string, DeviceDriver> Drivers = new()
    {
        ["vfio-pci"] = DeviceDriver.VfioPci,
        ["kvmgt"] = DeviceDriver.Kvmgt,
        ["vfio-ap"] = DeviceDriver.VfioAp,
    };

    private static readonly Dictionary<string, DriverOpens> Openings = new()
    {
        ["bind"] = DriverOpens.AtBind,
        ["attach"] = DriverOpens.AtAttach,
    };

    public static FlowStep Unit(WordCursor cursor)
    {
        string name = cursor.TakeDeclared(NameKind.Unit);
        var unit = new IommuCapabilities(false, 48, IommuCapabilities.AllPageSizes, false, []);
        var options = new OptionList(cursor, repeatable: "reserved", "enforce_snoop", "width", "pages", "scalable", "dirty_tracking", "nesting", "shared_msi", "no_cache_coherency", "driver",
            "reserved");
        while (options.Take() is { } option)
        {
            unit = option switch
            {
                "enforce_snoop" => unit with { EnforceSnoop = true },
                "width" => unit with { AddressWidth = (int)Math.Min(cursor.TakeNumber("a width in bits such as 48"), 64) },
                "pages" => unit with { PageSizes = TakePageSizes(cursor) },
                "scalable" => unit with { ScalableMode = true },
                "dirty_tracking" => unit with { DirtyTracking = true },
                "nesting" => unit with { Nesting = true },
                "shared_msi" => unit with { MsiIsolated = false },
                "no_cache_coherency" => unit with { CacheCoherent = false },
                "driver" => TakeDriver(cursor, unit),
                _ => unit with { Reserved = [.. unit.Reserved, TakeWindow(cursor)] },
            };
        }

        return new DeclareUnitStep(name, unit);
    }

    /// <summary>AMD's and virtio's tables are as wide as an IOVA, and take any size. AMD's always enforce.</summary>
    private static IommuCapabilities TakeDriver(WordCursor cursor, IommuCapabilities unit) => cursor.TakeOneOf("a driver: vtd, amd or virtio", ["vtd", "amd", "virtio"]) switch
    {
        "amd" => unit with { Driver = IommuDriver.Amd, EnforceSnoop = true, AddressWidth = 57, Aperture = new IovaRange(0, ulong.MaxValue), ReportedPageSizes = 0xfff7ffffff000 },
        "virtio" => unit with { Driver = IommuDriver.Virtio, AddressWidth = 57, Aperture = new IovaRange(0, ulong.MaxValue), ReportedPageSizes = 0xfffffffffffff000 },
        _ => unit,
    };

    public static FlowStep Device(WordCursor cursor)
    {
        string name = cursor.TakeDeclared(NameKind.Device);
        cursor.TakeOneOf("'behind' and the name of an IOMMU unit", ["behind"]);
        string unit = cursor.TakeObject("the name of an IOMMU unit", NameKind.Unit).Name;
        var device = new DeclareDeviceStep(name, unit, name, NetworkController, false, DeviceDriver.VfioPci, DriverOpens.AtBind, []);
        var options = new OptionList(cursor, repeatable: "reserved", "group", "id", "coherent_only", "driver", "opens_at", "reserved");
        while (options.Take() is { } option)
        {
            device = option switch
            {
                "group" => device with { Group = TakeGroup(cursor) },
                "id" => device with { Id = TakePciId(cursor) },
                "coherent_only" => device with { CoherentOnly = true },
                "driver" => device with { Driver = Drivers.GetValueOrDefault(cursor.TakeOneOf("a driver: " + FlowWords.List(Drivers.Keys), Drivers.Keys)) },
                "opens_at" => device with { Opens = Openings.GetValueOrDefault(cursor.TakeOneOf("'bind' or 'attach'", Openings.Keys)) },
                _ => device with { Reserved = [.. device.Reserved, TakeWindow(cursor)] },
            };
        }

        return device;
    }

    public static FlowStep Vm(WordCursor cursor)
    {
        string name = cursor.TakeDeclared(NameKind.Vm);
        VmTraits? vm = null;
        var options = new OptionList(cursor, repeatable: null, "kernel", "intel", "amd", "self_snoop", "quirk_ignore_guest_pat", "wbinvd_exit");
        while (options.Take() is { } option)
        {
            vm ??= VmTraits.Default;
            vm = option switch
            {
                "kernel" => vm with { Kernel = TakeKernel(cursor) },
                "intel" => vm with { Vendor = CpuVendor.Intel },
                "amd" => vm with { Vendor = CpuVendor.Amd },
                "self_snoop" => vm with { SelfSnoop = true },
                "quirk_ignore_guest_pat" => vm with { IgnoresGuestPat = TakeOnOff(cursor) },
                _ => vm with { WbinvdExit = TakeOnOff(cursor) },
            };
        }

        return new DeclareVmStep(name, vm);
    }

    public static FlowStep Open(WordCursor cursor)
    {
        cursor.Consider(cursor.Scope.Names(NameKind.Device));
        if (cursor.Ahead(1).Length == 0 && cursor.Scope.Find(cursor.Next.Text) == NameKind.Device)
        {
            return new OpenDeviceStep(cursor.Take().Text);
        }

        if (LinuxGrammar.IsPath(cursor.Ahead(1)))
        {
            return LinuxGrammar.Open(cursor, cursor.TakeDeclared(NameKind.File));
        }

        string name = cursor.TakeDeclared(NameKind.Fd);
        cursor.TakeOneOf("'/dev/ioasid' (or the path of a file of a process), or the name of a declared device before it", [DevicePath]);
        return new OpenFdStep(name, TakeOpenOptions(cursor));
    }

    public static FlowStep Close(WordCursor cursor)
    {
        NamedObject target = cursor.TakeObject(
            "the name of an ioasid_fd, a device, a VM, a process or a file of one", NameKind.Fd, NameKind.Device, NameKind.Vm, NameKind.Process, NameKind.File);
        cursor.Scope.Close(target.Name);
        return target.Kind == NameKind.File ? LinuxGrammar.Close(cursor, target.Name) : new CloseStep(target);
    }

    /// <summary>The profile is whatever word comes first and is not a misspelt option; the fd judges it.</summary>
    private static OpenOptions TakeOpenOptions(WordCursor cursor)
    {
        string[] known = ["refuse_gap", "map_needs_attach", "memlock", "mappings", "kvm"];
        OpenOptions open = OpenOptions.Default;
        cursor.Consider(OpenOptions.Profiles);
        if (!cursor.AtEnd && NearestWord.Of(cursor.Next.Text, known) is null && FlowWords.IsName(cursor.Next.Text))
        {
            open = open with { Profile = cursor.Take().Text };
        }

        var options = new OptionList(cursor, repeatable: null, known);
        while (options.Take() is { } option)
        {
            open = option switch
            {
                "refuse_gap" => open with { RefuseCoherencyGap = true },
                "map_needs_attach" => open with { MapNeedsAttach = true },
                "kvm" => open with { KvmSide = TakeKvmSide(cursor) },
                "memlock" => open with { LockedLimit = cursor.TakeNumber("a size such as 64K") },
                _ => open with { MappingLimit = (int)Math.Min(cursor.TakeNumber(), int.MaxValue) },
            };
        }

        return open;
    }

    /// <summary>As the profile: the fd judges it.</summary>
    private static string TakeKvmSide(WordCursor cursor)
    {
        cursor.Consider(OpenOptions.KvmSides);
        if (!FlowWords.IsName(cursor.Next.Text))
        {
            cursor.Fail("a side of KVM: " + FlowWords.List(OpenOptions.KvmSides));
        }

        return cursor.Take().Text;
    }

    private static bool TakeOnOff(WordCursor cursor) => cursor.TakeOneOf("'on' or 'off'", ["on", "off"]) == "on";

    private static KernelVersion TakeKernel(WordCursor cursor)
    {
        string[] parts = cursor.Next.Text.Split('.');
        if (parts.Length != 2 || !TryDecimal(parts[0], out int major) || !TryDecimal(parts[1], out int minor))
        {
            cursor.Fail("a Linux release such as 6.12");
            return default;
        }

        cursor.Take();
        return new KernelVersion(major, minor);
    }

    private static bool TryDecimal(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value < 1000;

    private static string TakeGroup(WordCursor cursor)
    {
        if (!FlowWords.IsName(cursor.Next.Text))
        {
            cursor.Fail("the name of a group");
        }

        return cursor.Take().Text;
    }

    private static PciId TakePciId(WordCursor cursor)
    {
        string[] parts = cursor.Next.Text.Split(':');
        if (parts.Length != 2 || !TryHex16(parts[0], out ushort vendor) || !TryHex16(parts[1], out ushort classCode))
        {
            cursor.Fail("vendor and class in hex such as 8086:0300");
            return default;
        }

        cursor.Take();
        return new PciId(vendor, classCode);
    }

    private static bool TryHex16(string text, out ushort value)
    {
        value = 0;
        return text.Length == 4 && ushort.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    private static ulong TakePageSizes(WordCursor cursor)
    {
        ulong sizes = 0;
        foreach (string name in cursor.Next.Text.Split(','))
        {
            bool known = Quantity.TryParse(name, out ulong size) && ulong.IsPow2(size) && size >= Quantity.PageSize;
            sizes |= known ? size : 0;
            if (!known)
            {
                cursor.Fail("page sizes such as 4K,2M,1G");
            }
        }

        if ((sizes & Quantity.PageSize) == 0)
        {
            cursor.Fail("4K among the page sizes: every unit has it");
        }

        cursor.Take();
        return sizes;
    }

    private static IovaRange TakeWindow(WordCursor cursor)
    {
        (ulong start, ulong length) = AddressGrammar.TakeRange(cursor, "a window START+LENGTH such as 0x1000+4K",
            (start, length) => IovaRange.TryCreate(start, length, out _));
        IovaRange.TryCreate(start, length, out IovaRange window);
        return window;
    }
}
