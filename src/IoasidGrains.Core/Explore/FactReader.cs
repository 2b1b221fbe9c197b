// Reads the facts of a state off the objects' records; part of ExploredHost.
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Reads again only if some record has changed: most steps of a history touch memory alone.</summary>
internal sealed class FactReader
{
    private readonly Topology _topology;
    private readonly Profile _profile;
    private readonly World _world;
    private readonly IoasidFd _fd;
    private readonly Kvm _kvm;
    private readonly Device[] _devices;
    private readonly DeviceId[] _ids;
    private readonly HostFacts _facts;
    private readonly object?[] _readFrom;
    private readonly Dictionary<(uint Number, int Table), PageTable> _tables = [];

    public FactReader(Topology topology, Profile profile, World world)
    {
        (_topology, _profile, _world) = (topology, profile, world);
        _fd = (IoasidFd)world.Find(Topology.Fd.Object);
        _kvm = (Kvm)world.Find(Topology.Vm.Object);
        _ids = [.. topology.Devices.Select(device => device.Device)];
        _devices = [.. _ids.Select(id => (Device)world.Find(id.Object))];
        _facts = new HostFacts(_ids.Length, topology.Ioasids);
        _readFrom = new object?[_devices.Length + 2];
    }

    /// <param name="numbers">Of the IOASIDs.</param>
    public HostFacts Read(uint[] numbers)
    {
        if (!IsNew())
        {
            return _facts;
        }

        for (int i = 0; i < numbers.Length; i++)
        {
            _facts.Ioasids[i] = numbers[i] == 0 ? default : Read(_fd.Records.Ioasids[new IoasidNumber(numbers[i])]);
        }

        for (int i = 0; i < _devices.Length; i++)
        {
            _facts.Devices[i] = Read(i, numbers);
        }

        _facts.Linked = _fd.Records.Kvms.TryGetValue(Topology.Vm, out bool? told);
        _facts.Told = told;
        _facts.LockedBytes = _fd.Records.LockedBytes;
        _facts.Count = _kvm.Records.NoncoherentCount;
        _facts.Settled = !_facts.Linked || (told ?? false) == _profile.Kvm.IsNoncoherent(_fd.Records, Topology.Vm);
        return _facts;
    }

    private bool IsNew()
    {
        bool isNew = Note(_devices.Length, _fd.State) | Note(_devices.Length + 1, _kvm.State);
        for (int i = 0; i < _devices.Length; i++)
        {
            isNew |= Note(i, _devices[i].State);
        }

        return isNew;
    }

    private bool Note(int place, object state)
    {
        bool isNew = _readFrom[place] != state;
        _readFrom[place] = state;
        return isNew;
    }

    private HostDevice Read(int index, uint[] numbers)
    {
        var facts = new HostDevice { Ioasid = -1, FileOpen = _devices[index].Records.FileOpen, FileAdded = _kvm.Records.Files.ContainsKey(_ids[index]),
            Blocked = _fd.Records.Blocked.ContainsKey(_ids[index]) };
        if (!_fd.Records.Devices.TryGetValue(_ids[index], out BoundDevice? bound))
        {
            return facts;
        }

        (facts.Bound, facts.DriverOpened) = (true, bound.DriverOpened);
        if (bound.Place is { } place)
        {
            IoasidEntry ioasid = _fd.Records.Ioasids[place.Number];
            facts.Ioasid = Array.IndexOf(numbers, place.Number.Value);
            facts.Table = place.Table;
            facts.Flag = _profile.Sharing.AttachFlags.Length > 0 ? place.Flag : null;
            (facts.Forces, facts.Promises) = (place.ForcesSnoop, place.PromisesSnoop);
            facts.Plain = ioasid.IsPlain(ioasid.Tables[place.Table]);
        }

        return facts;
    }

    private IoasidFacts Read(IoasidEntry ioasid)
    {
        var facts = new IoasidFacts
        {
            Number = ioasid.Number.Value,
            Format = _profile.Sharing.Formats.Length > 0 ? ioasid.Spec.Format : null,
            Mapped = ioasid.Areas.Count > 0,
        };
        Area? area = facts.Mapped ? ioasid.Areas.All[0] : null;
        facts.MapFormat = ioasid.Spec.PerMapping ? area?.Format : null;
        foreach (TableSpec table in ioasid.Tables.Values)
        {
            bool wanted = area is not null && ioasid.Spec.PerMapping ? ioasid.Spec.Enforces(area) : table.EnforceSnoop;
            bool found = area is null ? table.EnforceSnoop && !ioasid.Spec.PerMapping : SnpOf(ioasid.Number.Value, table.Index);
            facts.Tables |= (table.EnforceSnoop ? 3u : 1u) << (2 * table.Index);
            facts.LeavesEnforce |= (found ? 1u : 0) << table.Index;
            facts.LeavesDiffer |= (area is not null && found != wanted ? 1u : 0) << table.Index;
        }

        return facts;
    }

    /// <summary>As the table's leaf has it, not as the records say that it should.</summary>
    private bool SnpOf(uint number, int index)
    {
        if (!_tables.TryGetValue((number, index), out PageTable? table))
        {
            table = (PageTable)_world.Find(new PageTableId(new IoasidId(Topology.Fd, new IoasidNumber(number)), index).Object);
            _tables.Add((number, index), table);
        }

        Translation leaf = table.Entries!.Translate(ExploredHost.Iova, DmaAccess.Read, unitEnforcesSnoop: true);
        Invariant.Check(leaf.Fault == DmaFault.None, $"{table.Id} does not map what its IOASID does: {leaf.Fault}.");
        return leaf.Snp;
    }
}
