// Replays one recorded sequence of state changes at a port. Used by conform.
using System.Text.Json.Nodes;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Console;

/// <summary>
/// What a sequence is follows from its steps: groups that are added to a container, devices on two address spaces, tables made by hand, or devices on one space.
/// After each step the coherency question is asked; tables are numbered in the order in which they were made.
/// </summary>
internal sealed class SequenceReplay(ReplayHosts hosts, RecordedSequence recorded, string profile)
{
    private const uint DmaCoherent = 4, Type1v2 = 3;
    private const uint ReadWriteFixed = 7;
    private const ulong MapStart = 0x100000, MapStep = 0x10000;

    private static readonly string[] KnownOfLine = ["id", "steps", "source", "mapped_before", "cc0"];
    private static readonly string[] KnownOfStep = ["op", "dev", "res", "hwpt", "raw", "dma_cc", "cc1", "cc2", "ioas", "to", "for", "n", Comparing.Events];

    private readonly Dictionary<string, int> _devices = [];
    private readonly Dictionary<string, (uint Raw, int Number)> _places = [];

    /// <summary>Live tables by id: the number of each, and whether it was made by hand.</summary>
    private readonly Dictionary<uint, (int Number, bool Manual)> _tables = [];

    private LinuxProcess _process = null!;
    private uint[] _spaces = [];
    private int _file, _kvm = -1, _groups, _made;
    private ulong _maps;

    public async Task<Difference?> Run()
    {
        if (recorded.Line.Select(member => member.Key).FirstOrDefault(key => !KnownOfLine.Contains(key)) is { } strange)
        {
            throw new CallNotUnderstoodException($"the sequence has a member \"{strange}\" that is not known");
        }

        (_process, HostId host) = await hosts.Start(RecordedHost.OfSequences(), profile);
        try
        {
            return await Play();
        }
        finally
        {
            await hosts.End(_process, host);
        }
    }

    private async Task<Difference?> Play()
    {
        bool groups = recorded.Steps.Any(step => step["op"]?.ToString() is "add" or "remove");
        await (groups ? StartContainer() : StartIommufd());
        if (recorded.Line["cc0"] is { } before && await DmaCc(_spaces[0]) is var found && FlowNumber.Of(before) != (ulong)found)
        {
            return new Difference(0, "before the first step", $"cc0={before}", $"cc0={found}");
        }

        for (int i = 0; i < recorded.Steps.Length; i++)
        {
            JsonObject step = recorded.Steps[i];
            if (step.Select(member => member.Key).FirstOrDefault(key => !KnownOfStep.Contains(key)) is { } strange)
            {
                throw new CallNotUnderstoodException($"step {i + 1} has a member \"{strange}\" that is not known");
            }

            JsonObject ours = await Do(step);
            var expected = new JsonObject(step.Where(member => ours.ContainsKey(member.Key)).Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())));
            var shown = new JsonObject(ours.Where(member => step.ContainsKey(member.Key)).Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())));
            if (!JsonNode.DeepEquals(expected, shown))
            {
                return new Difference(i, $"step {i + 1}: {step["op"]} {step["dev"]}{step["for"]} {step["to"]}{step["ioas"]}".Trim(), expected.ToJsonString(), shown.ToJsonString());
            }
        }

        return null;
    }

    // ---- iommufd ------------------------------------------------------------------------------------------------------------------------

    private async Task StartIommufd()
    {
        foreach (string device in new[] { "A", "B", "C" })
        {
            _devices[device] = (int)(await _process.Open($"/dev/vfio/devices/{device}")).Value;
        }

        _file = (int)(await _process.Open("/dev/iommu")).Value;
        foreach (int device in _devices.Values)
        {
            _process.Put(new VfioDeviceBindIommufd { Argsz = 16, Iommufd = _file });
            await _process.Ioctl(device, IoctlCodes.VFIO_DEVICE_BIND_IOMMUFD);
        }

        int spaces = recorded.Steps.Any(step => step.ContainsKey("cc2")) ? 2 : 1;
        _spaces = new uint[spaces];
        for (int i = 0; i < spaces; i++)
        {
            _process.Put(new IommuIoasAlloc { Size = 12 });
            _spaces[i] = (await _process.Ioctl(_file, IoctlCodes.IOMMU_IOAS_ALLOC)).Struct<IommuIoasAlloc>().OutIoasId;
        }

        if (recorded.Line["mapped_before"]?.GetValue<bool>() == true)
        {
            await Map();
        }
    }

    private async Task<Errno> Map()
    {
        _process.Put(new IommuIoasMap
        {
            Size = 40, Flags = ReadWriteFixed, IoasId = _spaces[0], UserVa = LinuxProcess.Memory[0].Start, Length = Quantity.PageSize, Iova = MapStart + (_maps++ * MapStep),
        });
        return (await _process.Ioctl(_file, IoctlCodes.IOMMU_IOAS_MAP)).Reply.Errno;
    }

    private async Task<JsonObject> Do(JsonObject step)
    {
        var ours = new JsonObject();
        string device = step["dev"]?.ToString() ?? step["for"]?.ToString() ?? "";
        Errno errno = step["op"]?.ToString() switch
        {
            "attach" => await Attach(step, device, ours),
            "detach" => await Detach(device),
            "hwpt_alloc" => await AllocTable(device, ours),
            "destroy" => await Destroy((int)FlowNumber.Of(step["hwpt"])),
            "map" => await Map(),
            "add" => await AddGroup(device),
            "remove" => await RemoveGroup(device),
            var other => throw new CallNotUnderstoodException($"\"{other}\" is no operation of a sequence"),
        };
        ours["res"] = errno == Errno.OK ? "ok" : errno.ToString();
        await TellCoherency(step, ours);
        return ours;
    }

    private async Task TellCoherency(JsonObject step, JsonObject ours)
    {
        if (step.ContainsKey("dma_cc"))
        {
            ours["dma_cc"] = await DmaCc(_spaces.FirstOrDefault());
        }

        if (step.ContainsKey("cc1"))
        {
            ours["cc1"] = await DmaCc(_spaces[0]);
            ours["cc2"] = await DmaCc(_spaces[1]);
        }

        if (step.ContainsKey(Comparing.Events))
        {
            ours[Comparing.Events] = new JsonArray([.. _process.NoncoherentEvents.Select(one => (JsonNode)one)]);
            _process.NoncoherentEvents.Clear();
        }
    }

    /// <summary>On an iommufd the question is asked of the compatibility address space.</summary>
    private async Task<long> DmaCc(uint space)
    {
        if (space != 0)
        {
            _process.Put(new IommuVfioIoas { Size = 12, IoasId = space, Op = 1 });
            await _process.Ioctl(_file, IoctlCodes.IOMMU_VFIO_IOAS);
        }

        return (await _process.Ioctl(_file, IoctlCodes.VFIO_CHECK_EXTENSION, DmaCoherent)).Value;
    }

    private async Task<Errno> Attach(JsonObject step, string device, JsonObject ours)
    {
        string to = step["to"]?.ToString() ?? "ioas";
        uint target = to.StartsWith("hwpt", StringComparison.Ordinal)
            ? _tables.First(table => table.Value.Number == int.Parse(to[4..])).Key
            : _spaces[step["ioas"] is { } ioas ? (int)FlowNumber.Of(ioas) - 1 : 0];
        _process.Put(new VfioDeviceAttachIommufdPt { Argsz = 12, PtId = target });
        PlayedCall played = await _process.Ioctl(_devices[device], IoctlCodes.VFIO_DEVICE_ATTACH_IOMMUFD_PT);
        if (!played.Succeeded)
        {
            return played.Reply.Errno;
        }

        uint raw = played.Struct<VfioDeviceAttachIommufdPt>().PtId;
        bool known = _tables.TryGetValue(raw, out (int Number, bool Manual) table);
        Leave(device, raw);
        if (!known || !_tables.ContainsKey(raw))
        {
            table = (known ? table.Number : ++_made, false);
            _tables[raw] = table;
        }

        _places[device] = (raw, table.Number);
        ours["hwpt"] = table.Number;
        ours["raw"] = raw;
        return Errno.OK;
    }

    private async Task<Errno> Detach(string device)
    {
        _process.Put(new VfioDeviceDetachIommufdPt { Argsz = 8 });
        PlayedCall played = await _process.Ioctl(_devices[device], IoctlCodes.VFIO_DEVICE_DETACH_IOMMUFD_PT);
        if (played.Succeeded)
        {
            Leave(device, 0);
        }

        return played.Reply.Errno;
    }

    /// <summary>An automatic table dies with its last user, unless that stays on it.</summary>
    private void Leave(string device, uint next)
    {
        if (_places.Remove(device, out (uint Raw, int Number) place) && place.Raw != next && !_tables[place.Raw].Manual && _places.Values.All(other => other.Raw != place.Raw))
        {
            _tables.Remove(place.Raw);
        }
    }

    private async Task<Errno> AllocTable(string device, JsonObject ours)
    {
        _process.Put(new IommuHwptAlloc { Size = 48, DevId = (uint)Array.IndexOf(["A", "B", "C"], device) + 1, PtId = _spaces[0] });
        PlayedCall played = await _process.Ioctl(_file, IoctlCodes.IOMMU_HWPT_ALLOC);
        if (played.Succeeded)
        {
            uint raw = played.Struct<IommuHwptAlloc>().OutHwptId;
            _tables[raw] = (++_made, true);
            ours["hwpt"] = _made;
            ours["raw"] = raw;
        }

        return played.Reply.Errno;
    }

    private async Task<Errno> Destroy(int number)
    {
        uint raw = _tables.First(table => table.Value.Number == number).Key;
        _process.Put(new IommuDestroy { Size = 8, Id = raw });
        PlayedCall played = await _process.Ioctl(_file, IoctlCodes.IOMMU_DESTROY);
        if (played.Succeeded)
        {
            _tables.Remove(raw);
        }

        return played.Reply.Errno;
    }

    // ---- a container --------------------------------------------------------------------------------------------------------------------

    private async Task StartContainer()
    {
        _file = (int)(await _process.Open("/dev/vfio/vfio")).Value;
        if (recorded.Steps.Any(step => step.ContainsKey(Comparing.Events)))
        {
            int kvm = (int)(await _process.Open("/dev/kvm")).Value;
            int vm = (int)(await _process.Ioctl(kvm, IoctlCodes.KVM_CREATE_VM, 0)).Value;
            _process.Put(new KvmCreateDevice { Type = 4 });
            _kvm = (int)(await _process.Ioctl(vm, IoctlCodes.KVM_CREATE_DEVICE)).Struct<KvmCreateDevice>().Fd;
        }

        foreach (string device in new[] { "A", "B", "C" })
        {
            _devices[device] = (int)(await _process.Open($"/dev/vfio/{_process.GroupOf(device)}")).Value;
        }
    }

    /// <summary>The first group chooses the IOMMU driver.</summary>
    private async Task<Errno> AddGroup(string device)
    {
        _process.Put(_file);
        PlayedCall played = await _process.Ioctl(_devices[device], IoctlCodes.VFIO_GROUP_SET_CONTAINER);
        if (!played.Succeeded)
        {
            return played.Reply.Errno;
        }

        if (_groups++ == 0 && await _process.Ioctl(_file, IoctlCodes.VFIO_SET_IOMMU, Type1v2) is { Succeeded: false } refused)
        {
            return refused.Errno;
        }

        return await TellKvm(device, 1);
    }

    private async Task<Errno> RemoveGroup(string device)
    {
        await TellKvm(device, 2);
        Reply reply = await _process.Ioctl(_devices[device], IoctlCodes.VFIO_GROUP_UNSET_CONTAINER, 0);
        _groups -= reply.Succeeded ? 1 : 0;
        return reply.Errno;
    }

    private async Task<Errno> TellKvm(string device, ulong attribute)
    {
        if (_kvm < 0)
        {
            return Errno.OK;
        }

        _process.Put(default(KvmDeviceAttr));
        ulong file = _process.Put(_devices[device]);
        _process.Amend((ref KvmDeviceAttr it) => it = new KvmDeviceAttr { Group = 1, Attr = attribute, Addr = file });
        return (await _process.Ioctl(_kvm, IoctlCodes.KVM_SET_DEVICE_ATTR)).Reply.Errno;
    }
}
