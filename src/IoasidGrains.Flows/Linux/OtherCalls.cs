// What is neither iommufd's nor VFIO's ioctl: open and close, KVM, the self test, real DMA. Used by flows and by the replay of recordings.
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Flows;

/// <summary>One method per call.</summary>
public static partial class OtherCalls
{
    private const uint KvmDevTypeVfio = 4;
    private const ulong RegionBytes = 0x1000;

    /// <summary>VFIO numbers regions in the upper bits of a file offset.</summary>
    private const int RegionShift = 40;

    /// <summary>A number that no kind of device and no attribute has.</summary>
    private const ulong Unknown = 99;

    private static readonly Dictionary<string, ulong> KvmTypes = new()
    {
        ["KVM_DEV_TYPE_FSL_MPIC_20"] = 1, ["KVM_DEV_TYPE_FSL_MPIC_42"] = 2, ["KVM_DEV_TYPE_XICS"] = 3, ["KVM_DEV_TYPE_VFIO"] = KvmDevTypeVfio,
        ["KVM_DEV_TYPE_TEST_VFIO"] = KvmDevTypeVfio, ["KVM_DEV_TYPE_ARM_VGIC_V2"] = 5, ["KVM_DEV_TYPE_FLIC"] = 6, ["KVM_DEV_TYPE_ARM_VGIC_V3"] = 7,
        ["KVM_DEV_TYPE_ARM_VGIC_ITS"] = 8, ["KVM_DEV_TYPE_XIVE"] = 9, ["KVM_DEV_TYPE_ARM_PV_TIME"] = 10, ["KVM_DEV_TYPE_RISCV_AIA"] = 11, ["unknown"] = Unknown,
    };

    private static readonly Dictionary<string, ulong> KvmGroups = new() { ["KVM_DEV_VFIO_FILE"] = 1, ["KVM_DEV_VFIO_GROUP"] = 1, ["unknown"] = Unknown };

    private static readonly Dictionary<string, ulong> KvmAttributes = new()
    {
        ["KVM_DEV_VFIO_FILE_ADD"] = 1, ["KVM_DEV_VFIO_FILE_DEL"] = 2, ["KVM_DEV_VFIO_GROUP_ADD"] = 1, ["KVM_DEV_VFIO_GROUP_DEL"] = 2, ["KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE"] = 3,
        ["unknown"] = Unknown,
    };

    private static readonly Dictionary<string, ulong> Regions = new()
    {
        ["VFIO_PCI_BAR0_REGION_INDEX"] = 0, ["VFIO_PCI_BAR1_REGION_INDEX"] = 1, ["VFIO_PCI_CONFIG_REGION_INDEX"] = 7, ["config"] = 7,
    };

    public static readonly Dictionary<string, Func<CallArguments, Task<CallAnswer>>> Table = new()
    {
        ["open"] = Open,
        ["close"] = async call => CallAnswer.Of(await call.Process.Close(call.File)),
        ["read"] = async call => CallAnswer.Of(await call.Process.Read(call.File, call.Number("len"))),
        ["mmap"] = Mmap,
        ["(device DMA write)"] = DeviceDma,
        ["(observe)"] = _ => Task.FromResult(new CallAnswer(0, Errno.OK, [])),
        ["IOMMU_TEST_CMD"] = SelftestCalls.Call,
        ["KVM_CREATE_VM"] = CreateVm,
        ["KVM_CREATE_DEVICE"] = CreateKvmDevice,
        ["KVM_DEV_VFIO_FILE_ADD"] = call => ChangeFiles(call, 1),
        ["KVM_DEV_VFIO_FILE_DEL"] = call => ChangeFiles(call, 2),
        ["KVM_SET_DEVICE_ATTR"] = call => DeviceAttribute(call, IoctlCodes.KVM_SET_DEVICE_ATTR),
        ["KVM_HAS_DEVICE_ATTR"] = call => DeviceAttribute(call, IoctlCodes.KVM_HAS_DEVICE_ATTR),
    };

    /// <summary>An ioctl by its number: <c>_IO(';',0x7f)</c>, <c>_IOWR(';',0x80,8)</c>. Null for any other word.</summary>
    public static Func<CallArguments, Task<CallAnswer>>? ByNumber(string name)
    {
        Match match = Numbered().Match(name);
        if (!match.Success)
        {
            return null;
        }

        uint direction = match.Groups["dir"].Value switch { "W" => 1U, "R" => 2U, "WR" => 3U, _ => 0U };
        uint size = match.Groups["size"].Success && FlowNumber.TryParse(match.Groups["size"].Value, out ulong bytes) ? (uint)bytes : 0;
        _ = FlowNumber.TryParse(match.Groups["nr"].Value, out ulong number);
        uint code = (direction << 30) | (size << 16) | ((uint)match.Groups["type"].Value[0] << 8) | (uint)number;
        return async call =>
        {
            call.Process.Put(BitConverter.GetBytes((ulong)sizeof(ulong)));
            return CallAnswer.Of((await call.Process.Ioctl(call.File, code)).Reply);
        };
    }

    private static async Task<CallAnswer> Open(CallArguments call)
    {
        Reply reply = await call.Process.Open(PathOf(call));
        if (reply.Succeeded)
        {
            call.Process.NameFile(call.Call.File, (int)reply.Value);
            if (Cdev().Match(call.Text("path")!) is { Success: true } cdev)
            {
                call.Process.NameDevice(call.Call.File, cdev.Groups[1].Value);
            }
        }

        return new CallAnswer(reply.Succeeded ? 0 : -1, reply.Errno, []);
    }

    private static string PathOf(CallArguments call)
    {
        string path = call.Text("path") ?? throw new CallNotUnderstoodException("open has no path");
        return path.StartsWith('/') ? path
            : Cdev().Match(path) is { Success: true } cdev ? $"/dev/vfio/devices/{cdev.Groups[1].Value}"
            : Group().Match(path) is { Success: true } group ? $"/dev/vfio/{call.Process.GroupOf(group.Groups[1].Value)}"
            : NoIommu().Match(path) is { Success: true } bare ? $"/dev/vfio/noiommu-{call.Process.GroupOf(bare.Groups[1].Success ? bare.Groups[1].Value : null)}"
            : throw new CallNotUnderstoodException($"\"{path}\" is no path that is known");
    }

    /// <summary>The address may be told, or left out.</summary>
    private static async Task<CallAnswer> Mmap(CallArguments call)
    {
        ulong region = Bar().Match(call.Text("region") ?? "") is { Success: true } bar ? ulong.Parse(bar.Groups[1].Value) : call.Flags("region", Regions);
        Reply reply = await call.Process.Mmap(call.File, call.Address("at"), call.Number("length", RegionBytes), region << RegionShift);
        return new CallAnswer(!reply.Succeeded ? -1 : call.Call.Ret == reply.Value ? reply.Value : 0, reply.Errno, []);
    }

    private static async Task<CallAnswer> DeviceDma(CallArguments call) => new(0, Errno.OK, new JsonObject
    {
        ["landed_at"] = await call.Process.DeviceWrites(call.Process.DeviceOf(call.Call.File), call.Number("iova"), (int)call.Number("length")),
    });

    private static async Task<CallAnswer> CreateVm(CallArguments call)
    {
        if (!call.Process.IsOpen(call.Call.File) && await call.Process.Open("/dev/kvm") is { Succeeded: true } opened)
        {
            call.Process.NameFile(call.Call.File, (int)opened.Value);
        }

        Reply reply = await call.Process.Ioctl(call.File, IoctlCodes.KVM_CREATE_VM, 0);
        return Named(call, reply, "vm");
    }

    private static async Task<CallAnswer> CreateKvmDevice(CallArguments call)
    {
        _ = call.Has("second");
        call.Process.Put(new KvmCreateDevice { Type = call.Flags("type", KvmTypes), Flags = call.Word("flags") });
        PlayedCall played = await call.Process.Ioctl(call.File, IoctlCodes.KVM_CREATE_DEVICE);
        return Named(call, played.Succeeded ? played.Reply with { Value = played.Struct<KvmCreateDevice>().Fd } : played.Reply, "kvmvfio");
    }

    /// <summary>What a call opened; recordings leave the number out, and the name unless it is told.</summary>
    private static CallAnswer Named(CallArguments call, Reply reply, string usual)
    {
        string name = call.Call.Out?["fd"]?.ToString() ?? usual;
        if (reply.Succeeded)
        {
            call.Process.NameFile(name, (int)reply.Value);
        }

        return new CallAnswer(reply.Succeeded ? 0 : -1, reply.Errno, new JsonObject { ["fd"] = name });
    }

    private static async Task<CallAnswer> ChangeFiles(CallArguments call, ulong attribute)
    {
        call.Process.Put(default(KvmDeviceAttr));
        ulong file = call.Process.Put(call.Descriptor("fd"));
        return await SetAttribute(call, IoctlCodes.KVM_SET_DEVICE_ATTR, new KvmDeviceAttr { Group = 1, Attr = attribute, Addr = file });
    }

    private static async Task<CallAnswer> DeviceAttribute(CallArguments call, uint code)
    {
        call.Process.Put(default(KvmDeviceAttr));
        ulong file = call.Process.Put(call.Has("fd") ? call.Descriptor("fd") : -1);
        var attribute = new KvmDeviceAttr
        {
            Flags = call.Word("flags"), Group = call.Flags("group", KvmGroups), Attr = call.Flags("attr", KvmAttributes), Addr = file,
        };
        return await SetAttribute(call, code, attribute);
    }

    private static async Task<CallAnswer> SetAttribute(CallArguments call, uint code, KvmDeviceAttr attribute)
    {
        call.Process.Amend((ref KvmDeviceAttr it) => it = attribute);
        return CallAnswer.Of((await call.Process.Ioctl(call.File, code)).Reply);
    }

    [GeneratedRegex(@"^_IO(?<dir>|R|W|WR)\('(?<type>.)',\s*(?<nr>\w+)(,\s*(?<size>\w+))?\)$")]
    private static partial Regex Numbered();

    [GeneratedRegex(@"^bar ?([0-5])$", RegexOptions.IgnoreCase)]
    private static partial Regex Bar();

    [GeneratedRegex(@"^vfio cdev of (\w+)$")]
    private static partial Regex Cdev();

    [GeneratedRegex(@"^vfio group of (\w+)$")]
    private static partial Regex Group();

    [GeneratedRegex(@"^noiommu group(?: of (\w+))?$")]
    private static partial Regex NoIommu();
}
