// All moves that a topology and a profile have; which of them make sense in a state.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Follows from what the profile says of itself: flags of ALLOC, ATTACH and MAP that mean something to it.</summary>
public sealed class Alphabet
{
    /// <summary>What ALLOC says where the policy decides and ignores the flag.</summary>
    private static readonly SnoopFormat[] Ignored = [SnoopFormat.Auto];

    private static readonly SnoopFormat[] Everything = [SnoopFormat.Snoop, SnoopFormat.NoSnoop, SnoopFormat.Auto];

    private readonly List<Move> _moves = [];

    public Alphabet(Topology topology, Profile profile)
    {
        // One that promises to be better than all must be so whatever is said to it, also what it ignores.
        bool all = profile.Beside is not null;
        Formats = profile.Sharing.Formats is { Length: > 0 } formats ? formats : all ? Everything : Ignored;
        SnoopFormat?[] flags = profile.Sharing.AttachFlags is { Length: > 0 } known ? [.. known] : all ? [null, .. Everything] : [null];
        SnoopFormat?[] mapFlags = all ? [null, SnoopFormat.Snoop, SnoopFormat.NoSnoop]
            : profile.Sharing.FormatPerMapping ? [SnoopFormat.Snoop, SnoopFormat.NoSnoop] : [null];
        for (int device = 0; device < topology.Devices.Count; device++)
        {
            Add(MoveKind.Plug, device);
            Add(MoveKind.Unplug, device);
            Add(MoveKind.Detach, device);
            Add(MoveKind.DmaRead, device);
            Add(MoveKind.DmaWrite, device);
            for (int ioasid = 0; ioasid < topology.Ioasids; ioasid++)
            {
                _moves.AddRange(flags.Select(flag => new Move(MoveKind.Attach, device, ioasid, flag)));
            }
        }

        for (int ioasid = 0; ioasid < topology.Ioasids; ioasid++)
        {
            _moves.AddRange(Formats.Select(format => new Move(MoveKind.Alloc, 0, ioasid, format)));
            _moves.AddRange(mapFlags.Select(flag => new Move(MoveKind.Map, 0, ioasid, flag)));
            Add(MoveKind.Free, 0, ioasid);
            Add(MoveKind.Unmap, 0, ioasid);
            Add(MoveKind.CpuWrite, 0, ioasid);
            Add(MoveKind.CpuRead, 0, ioasid);
        }

        Add(MoveKind.KvmAdd);
        Add(MoveKind.KvmDel);
        Add(MoveKind.KvmUpdate);
        Add(MoveKind.Wbinvd);
        _moves.Sort((a, b) => (a.Kind, a.Device, a.Ioasid, a.Flag ?? 0).CompareTo((b.Kind, b.Device, b.Ioasid, b.Flag ?? 0)));
    }

    /// <summary>In the order in which they are tried.</summary>
    public IReadOnlyList<Move> Moves => _moves;

    /// <summary>Flags of ALLOC; one that is ignored if the profile knows none.</summary>
    public IReadOnlyList<SnoopFormat> Formats { get; }

    /// <summary>
    /// May do something here. What the objects would refuse whatever the policy is left out: a second attach, a DMA of a device that is blocked. What a policy may refuse is not.
    /// </summary>
    public static bool MakesSense(Move move, HostFacts facts)
    {
        ref readonly HostDevice device = ref facts.Devices[move.Device];
        ref readonly IoasidFacts ioasid = ref facts.Ioasids[move.Ioasid];
        return move.Kind switch
        {
            MoveKind.Plug => !device.Bound,
            MoveKind.Unplug => device.Bound,
            MoveKind.Attach => device is { Bound: true, IsAttached: false } && ioasid.Exists,
            MoveKind.Detach => device.IsAttached,
            // One that promised not to send no-snoop does not.
            MoveKind.DmaRead or MoveKind.DmaWrite => device is { IsAttached: true, Promises: false } && facts.Ioasids[device.Ioasid].Mapped,
            MoveKind.Alloc => !ioasid.Exists,
            MoveKind.Free => ioasid.Exists,
            MoveKind.Map => ioasid is { Exists: true, Mapped: false },
            MoveKind.Unmap => ioasid.Mapped,
            MoveKind.KvmAdd => !facts.Linked,
            MoveKind.KvmDel or MoveKind.KvmUpdate => facts.Linked,
            _ => true,
        };
    }

    private void Add(MoveKind kind, int device = 0, int ioasid = 0) => _moves.Add(new Move(kind, device, ioasid));
}
