// A small host in a world, and the moves of the alphabet done to it; each thread of a search has one, and so can whoever compares two profiles step by step.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>A state of an explored host. Immutable.</summary>
/// <param name="numbers">The number of each IOASID; 0: free.</param>
/// <param name="oracle">The guest's memory, as it is and as it should be.</param>
public sealed class HostState(WorldState world, uint[] numbers, CoherencyOracle oracle)
{
    internal CoherencyOracle Oracle => oracle;

    internal WorldState World => world;

    internal uint[] Numbers => numbers;

    /// <summary>Of the profile that is searched beside; null: there is none.</summary>
    internal HostState? Beside { get; set; }
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
    private readonly List<DoneCommand>? _trace;
    private uint[] _numbers;

    /// <param name="trace">If given, every command and its answer are added to it.</param>
    public ExploredHost(Topology topology, Profile profile, WorldPlaces places, List<DoneCommand>? trace = null)
    {
        (_topology, _profile, _world, _trace) = (topology, profile, new World(places), trace);
        Alphabet = new Alphabet(topology, profile);
        _numbers = new uint[topology.Ioasids];
        SetUp();
        _reader = new FactReader(topology, profile, _world);
        Facts = _reader.Read(_numbers);
    }

    public Alphabet Alphabet { get; }

    /// <summary>The state as the checks see it; valid until the next move.</summary>
    public HostFacts Facts { get; private set; }

    /// <summary>The guest's memory, as it is and as it would be had every wbinvd been executed since a device was attached.</summary>
    public CoherencyOracle Oracle { get; private set; } = CoherencyOracle.Empty;

    /// <summary>The last move has read a wrong byte.</summary>
    public bool WrongByte { get; private set; }

    /// <summary>Where the guest has the page of an IOASID.</summary>
    public static ulong PageOf(int ioasid) => 0x1000 * (ulong)(ioasid + 1);

    public HostState Save() => new(_world.Save(), _numbers, Oracle);

    public void Restore(HostState state)
    {
        _world.Restore(state.World);
        (_numbers, Oracle) = (state.Numbers, state.Oracle);
        Facts = _reader.Read(_numbers);
    }

    /// <summary>Has nothing happened since this was saved?</summary>
    public bool IsIn(HostState state) => _numbers == state.Numbers && _world.IsIn(state.World);

    /// <summary>
    /// Does one move. A refusal ends it with the errno of the command that was refused; if that was not its first command, the caller goes back to where it was.
    /// </summary>
    public Errno Do(Move move)
    {
        bool emulated = Facts.Emulates;
        WrongByte = false;
        Errno errno = Take(move);
        if (errno == Errno.OK && !move.TouchesMemoryOnly)
        {
            Facts = _reader.Read(_numbers);
            Follow(flushed: !emulated && Facts.Emulates && _profile.Kvm.FlushesAtEdge);
        }

        return errno;
    }

    private Errno Take(Move move)
    {
        DeviceId device = _topology.Devices[move.Device].Device;
        var number = new IoasidNumber(_numbers[move.Ioasid]);
        ref readonly HostDevice facts = ref Facts.Devices[move.Device];
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
            MoveKind.DmaRead => DmaRead(device, PageOf(facts.Ioasid)),
            MoveKind.DmaWrite => DmaWrite(device, PageOf(facts.Ioasid)),
            MoveKind.CpuRead => CpuRead(PageOf(move.Ioasid)),
            MoveKind.CpuWrite => CpuWrite(PageOf(move.Ioasid)),
            MoveKind.Wbinvd => Wbinvd(),
            _ => throw new InvariantException($"There is no move {move.Kind}."),
        };
    }

    private Errno Run(UapiCommand command) => Ask(command).Errno;

    private Reply Ask(UapiCommand command)
    {
        Reply reply = _world.Run(command);
        _trace?.Add(new DoneCommand(command, reply));
        return reply;
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
        errno = errno == Errno.OK && _profile.Kvm.HasFiles ? Run(new KvmFileAdd(Topology.Vm, device)) : errno;
        return errno == Errno.OK ? Run(new VfioBindIoasidFd(device, Topology.Fd)) : errno;
    }

    private Errno Unplug(DeviceId device, uint attached)
    {
        Errno errno = attached == 0 ? Errno.OK : Run(new VfioDetachIoasid(device, new IoasidNumber(attached)));
        errno = errno == Errno.OK ? Run(new VfioUnbindIoasidFd(device)) : errno;
        errno = errno == Errno.OK ? Run(new CloseDevice(device)) : errno;
        return errno == Errno.OK && _profile.Kvm.HasFiles ? Run(new KvmFileDel(Topology.Vm, device)) : errno;
    }

    private Errno DmaRead(DeviceId device, ulong page)
    {
        DmaOutcome done = Access(new DeviceDma(device, Iova, 1, DmaAccess.Read, NoSnoop: true, null));
        return Judge(Oracle.DmaRead(device, page, 1, done.Snooped), done.Data!);
    }

    private Errno DmaWrite(DeviceId device, ulong page)
    {
        byte[] data = [Oracle.UnusedValue(page)];
        DmaOutcome done = Access(new DeviceDma(device, Iova, 1, DmaAccess.Write, NoSnoop: true, data));
        Oracle = Oracle.DmaWrite(device, page, data, done.Snooped);
        return Errno.OK;
    }

    private DmaOutcome Access(DeviceDma dma)
    {
        Reply reply = Ask(dma);
        Invariant.Check(reply is { Succeeded: true, Outputs: DmaOutcome { Fault: DmaFault.None } }, $"{dma.Device} is attached to a mapped page and cannot access it: {reply}.");
        return (DmaOutcome)reply.Outputs!;
    }

    private Errno CpuRead(ulong page)
    {
        Reply reply = Ask(new CpuRead(Topology.Vm.Memory, page, 1));
        return Judge(Oracle.CpuRead(page, 1), ((MemoryBytes)reply.Outputs!).Bytes);
    }

    private Errno CpuWrite(ulong page)
    {
        byte[] data = [Oracle.UnusedValue(page)];
        Must(Run(new CpuWrite(Topology.Vm.Memory, page, data)));
        Oracle = Oracle.CpuWrite(page, data);
        return Errno.OK;
    }

    private Errno Wbinvd()
    {
        var done = (WbinvdOutcome)Ask(new CpuWbinvd(Topology.Vm)).Outputs!;
        Oracle = Oracle.Wbinvd(executed: done.Mode == WbinvdMode.Emulated);
        return Errno.OK;
    }

    /// <summary>What the objects read must be what the reference model reads.</summary>
    private Errno Judge(OracleRead read, byte[] bytes)
    {
        Invariant.Check(bytes.AsSpan().SequenceEqual(read.Bytes), $"The guest's memory reads {bytes[0]} where the model of it reads {read.Bytes[0]}.");
        (Oracle, WrongByte) = (read.Next, read.WrongBytes > 0);
        return Errno.OK;
    }

    /// <summary>The oracle follows who is attached in the registered VM.</summary>
    private void Follow(bool flushed)
    {
        Oracle = flushed ? Oracle.Flush() : Oracle;
        for (int i = 0; i < Facts.Devices.Length; i++)
        {
            DeviceId device = _topology.Devices[i].Device;
            ref readonly HostDevice facts = ref Facts.Devices[i];
            bool owed = facts.IsAttached && (Facts.Linked || facts.FileAdded);
            if (owed != Oracle.TryGhostAt(device, 0, out _))
            {
                Oracle = owed ? Oracle.Attach(device) : Oracle.Detach(device);
            }
        }
    }

    private Errno Alloc(int ioasid, SnoopFormat format)
    {
        Reply reply = Ask(new IoasidAlloc(Topology.Fd, format, _topology.AddressWidth));
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
