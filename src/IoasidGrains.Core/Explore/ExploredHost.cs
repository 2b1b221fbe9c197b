// A small host in a world, and the moves of the alphabet done to it; each thread of a search has one, and so can whoever compares two profiles step by step.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>A state of an explored host. Immutable.</summary>
/// <param name="numbers">The number of each IOASID; 0: free.</param>
public sealed class HostState(WorldState world, uint[] numbers)
{
    internal WorldState World => world;

    internal uint[] Numbers => numbers;
}

/// <summary>One command of a history and what was answered.</summary>
public sealed record DoneCommand(UapiCommand Command, Reply Reply);

/// <summary>
/// Starts with the fd open and registered with the VM, all IOASIDs allocated (the formats of the profile in turn), one page of guest memory of its own mapped in each, no
/// device plugged and their files closed.
/// </summary>
public sealed class ExploredHost
{
    /// <summary>Where every IOASID has its page.</summary>
    public const ulong Iova = 0x1000;

    private readonly Topology _topology;
    private readonly Profile _profile;
    private readonly World _world;
    private readonly FactReader _reader;
    private uint[] _numbers;

    public ExploredHost(Topology topology, Profile profile, WorldPlaces places)
    {
        (_topology, _profile, _world) = (topology, profile, new World(places));
        Alphabet = new Alphabet(topology, profile);
        _numbers = new uint[topology.Ioasids];
        SetUp();
        _reader = new FactReader(topology, profile, _world);
        Facts = _reader.Read(_numbers);
    }

    public Alphabet Alphabet { get; }

    /// <summary>The state as the checks see it; valid until the next move.</summary>
    public HostFacts Facts { get; private set; }

    /// <summary>If set, every command and its answer are added to it.</summary>
    public List<DoneCommand>? Trace { get; init; }

    /// <summary>Where the guest has the page of an IOASID.</summary>
    public static ulong PageOf(int ioasid) => 0x1000 * (ulong)(ioasid + 1);

    public HostState Save() => new(_world.Save(), _numbers);

    public void Restore(HostState state)
    {
        _world.Restore(state.World);
        _numbers = state.Numbers;
        Facts = _reader.Read(_numbers);
    }

    /// <summary>Has nothing happened since this was saved?</summary>
    public bool IsIn(HostState state) => _numbers == state.Numbers && _world.IsIn(state.World);

    /// <summary>
    /// Does one move. A refusal ends it with the errno of the command that was refused; if that was not its first command, the caller goes back to where it was.
    /// </summary>
    public Errno Do(Move move)
    {
        Errno errno = Take(move);
        Facts = _reader.Read(_numbers);
        return errno;
    }

    private Errno Take(Move move)
    {
        DeviceId device = _topology.Devices[move.Device].Device;
        var number = new IoasidNumber(_numbers[move.Ioasid]);
        ref readonly DeviceFacts facts = ref Facts.Devices[move.Device];
        uint attached = facts.IsAttached ? _numbers[facts.Ioasid] : 0;
        return move.Kind switch
        {
            MoveKind.Plug => Plug(device),
            MoveKind.Unplug => Unplug(device, attached),
            MoveKind.Attach => Run(new VfioAttachIoasid(device, number, move.Flag)),
            MoveKind.Detach => Run(new VfioDetachIoasid(device, new IoasidNumber(attached))),
            MoveKind.Alloc => Alloc(move.Ioasid, move.Flag!.Value),
            MoveKind.Free => Free(move.Ioasid, number),
            MoveKind.Map => Map(move.Ioasid, move.Flag),
            MoveKind.Unmap => Run(new IoasidUnmapDma(Topology.Fd, number, Iova, Quantity.PageSize, All: false)),
            MoveKind.KvmAdd => Run(new KvmAddIoasidFd(Topology.Vm, Topology.Fd)),
            MoveKind.KvmDel => Run(new KvmDelIoasidFd(Topology.Vm, Topology.Fd)),
            MoveKind.KvmUpdate => Run(new KvmUpdateIoasidFd(Topology.Vm, Topology.Fd)),
            MoveKind.DmaRead => Run(new DeviceDma(device, Iova, 1, DmaAccess.Read, NoSnoop: true, null)),
            MoveKind.DmaWrite => Run(new DeviceDma(device, Iova, 1, DmaAccess.Write, NoSnoop: true, [1])),
            MoveKind.CpuRead => Run(new CpuRead(Topology.Vm.Memory, PageOf(move.Ioasid), 1)),
            MoveKind.CpuWrite => Run(new CpuWrite(Topology.Vm.Memory, PageOf(move.Ioasid), [1])),
            MoveKind.Wbinvd => Run(new CpuWbinvd(Topology.Vm)),
            _ => throw new InvariantException($"There is no move {move.Kind}."),
        };
    }

    private Errno Run(UapiCommand command)
    {
        Reply reply = _world.Run(command);
        Trace?.Add(new DoneCommand(command, reply));
        return reply.Errno;
    }

    private void SetUp()
    {
        foreach (UapiCommand declaration in _topology.Units.Concat<UapiCommand>(_topology.Devices))
        {
            Must(Run(declaration));
        }

        foreach (DeclareDevice device in _topology.Devices)
        {
            Must(Run(new CloseDevice(device.Device)));
        }

        Must(Run(new OpenFd(Topology.Fd, OpenOptions.Default with { Profile = _profile.Name })));
        Must(Run(new KvmAddIoasidFd(Topology.Vm, Topology.Fd)));
        for (int ioasid = 0; ioasid < _numbers.Length; ioasid++)
        {
            Must(Alloc(ioasid, Alphabet.Formats[ioasid % Math.Min(2, Alphabet.Formats.Count)]));
            Must(Map(ioasid, null));
        }
    }

    private static void Must(Errno errno) => Invariant.Check(errno == Errno.OK, $"A host cannot be set up for a search: {errno}.");

    private Errno Plug(DeviceId device)
    {
        Errno errno = Run(new OpenDevice(device));
        return errno == Errno.OK ? Run(new VfioBindIoasidFd(device, Topology.Fd)) : errno;
    }

    private Errno Unplug(DeviceId device, uint attached)
    {
        Errno errno = attached == 0 ? Errno.OK : Run(new VfioDetachIoasid(device, new IoasidNumber(attached)));
        errno = errno == Errno.OK ? Run(new VfioUnbindIoasidFd(device)) : errno;
        return errno == Errno.OK ? Run(new CloseDevice(device)) : errno;
    }

    private Errno Alloc(int ioasid, SnoopFormat format)
    {
        Reply reply = _world.Run(new IoasidAlloc(Topology.Fd, format, 48));
        Trace?.Add(new DoneCommand(new IoasidAlloc(Topology.Fd, format, 48), reply));
        if (reply.Succeeded)
        {
            uint[] numbers = [.. _numbers];
            numbers[ioasid] = (uint)reply.Value;
            _numbers = numbers;
        }

        return reply.Errno;
    }

    private Errno Free(int ioasid, IoasidNumber number)
    {
        Errno errno = Run(new IoasidFree(Topology.Fd, number));
        if (errno == Errno.OK)
        {
            uint[] numbers = [.. _numbers];
            numbers[ioasid] = 0;
            _numbers = numbers;
        }

        return errno;
    }

    private Errno Map(int ioasid, SnoopFormat? flag) => Run(new IoasidMapDma(
        Topology.Fd, new IoasidNumber(_numbers[ioasid]), Iova, Quantity.PageSize, new UserAddress(Topology.Vm.Memory, PageOf(ioasid)), DmaAccess.ReadWrite)
    {
        Format = flag,
    });
}
