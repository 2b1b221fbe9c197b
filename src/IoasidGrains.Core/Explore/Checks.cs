// What must hold after every step of a history (domain 4.6): each a pure function of the facts.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>The checks; names of the first five are their numbers in domain 4.6.</summary>
public enum CheckKind
{
    /// <summary>No enforcing table on a unit that cannot enforce.</summary>
    EnforcingOnIncapable,

    /// <summary>Uniform SNP in a table.</summary>
    MixedTable,

    /// <summary>wbinvd is never ignored while a possibly non-coherent device is on a plain table.</summary>
    IgnoredWbinvd,

    /// <summary>wbinvd is never emulated without anything that justifies it.</summary>
    UnjustifiedEmulation,

    /// <summary>What the user has chosen decides what the user gets, whatever was before.</summary>
    HistoryDependent,

    /// <summary>No byte is ever wrong.</summary>
    WrongBytes,

    /// <summary>A device that needs no plain table is not given one because of who was there before.</summary>
    Taint,

    /// <summary>A profile that promises never to be worse than another one keeps it, step by step beside that one.</summary>
    Promise,
}

/// <summary>Names, and the checks that one state decides by itself.</summary>
public sealed class Checks(Topology topology, Profile profile)
{
    private static readonly string[] Names = ["1", "2", "3", "4", "5", "bytes", "taint", "promise"];

    private static readonly string[] Sentences =
    [
        "no enforcing table on a unit that cannot enforce",
        "all leaves of one table have its format",
        "wbinvd is never ignored while a possibly non-coherent device is on a plain table",
        "wbinvd is never emulated without anything that justifies it",
        "equal configurations reached by different histories are equal",
        "no byte is ever wrong",
        "a capable device among capable devices is not put on a plain table",
        "no device is refused that the profile beside takes, no page is pinned twice or in two tables, wbinvd is emulated only while a device may go past the caches",
    ];

    private readonly bool[] _capable = [.. topology.Devices.Select(device => topology.UnitOf(device).EnforceSnoop)];
    private readonly bool[] _coherentOnly = [.. topology.Devices.Select(device => device.Traits.CoherentOnly)];

    public static readonly int Count = Names.Length;

    public static string NameOf(CheckKind check) => Names[(int)check];

    /// <summary>The name as it is read: <c>invariant 3</c>, <c>bytes</c>.</summary>
    public static string TitleOf(CheckKind check) => char.IsAsciiDigit(NameOf(check)[0]) ? "invariant " + NameOf(check) : NameOf(check);

    /// <summary>What must hold, as a sentence.</summary>
    public static string SentenceOf(CheckKind check) => Sentences[(int)check];

    /// <summary>The devices behind units that can enforce.</summary>
    public IReadOnlyList<bool> Capable => _capable;

    /// <summary>Bit by bit, the checks that are broken after this move.</summary>
    public uint Broken(HostFacts facts, Move move) =>
        Bit(CheckKind.EnforcingOnIncapable, EnforcingOnIncapable(facts)) | Bit(CheckKind.MixedTable, MixedTable(facts))
        | Bit(CheckKind.IgnoredWbinvd, !facts.Emulates && Suspect(facts) >= 0) | Bit(CheckKind.UnjustifiedEmulation, facts.Emulates && !Justified(facts))
        | Bit(CheckKind.Taint, move.Kind == MoveKind.Attach && Tainted(facts, move.Device));

    public static uint Bit(CheckKind check, bool set = true) => set ? 1u << (int)check : 0;

    /// <summary>The first device that may do non-coherent DMA in the registered VM; -1 if there is none.</summary>
    public int Suspect(HostFacts facts)
    {
        for (int i = 0; i < facts.Devices.Length; i++)
        {
            ref readonly HostDevice device = ref facts.Devices[i];
            if (device is { IsAttached: true, Plain: true, Forces: false, Promises: false } && !_coherentOnly[i] && (facts.Linked || device.FileAdded))
            {
                return i;
            }
        }

        return -1;
    }

    private bool EnforcingOnIncapable(HostFacts facts)
    {
        for (int i = 0; i < facts.Devices.Length; i++)
        {
            ref readonly HostDevice device = ref facts.Devices[i];
            if (device.IsAttached && !_capable[i] && (facts.Ioasids[device.Ioasid].LeavesEnforce >> device.Table & 1) != 0)
            {
                return true;
            }
        }

        return false;
    }

    private static bool MixedTable(HostFacts facts)
    {
        foreach (ref readonly IoasidFacts ioasid in facts.Ioasids.AsSpan())
        {
            if (ioasid.LeavesDiffer != 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A registered device whose unit cannot enforce; or, where the user chooses, a no-snoop that the user has chosen.</summary>
    private bool Justified(HostFacts facts)
    {
        for (int i = 0; i < facts.Devices.Length; i++)
        {
            ref readonly HostDevice device = ref facts.Devices[i];
            if ((!_capable[i] && (device.FileAdded || (device.Bound && facts.Linked))) || device.Flag == SnoopFormat.NoSnoop)
            {
                return true;
            }
        }

        foreach (ref readonly IoasidFacts ioasid in facts.Ioasids.AsSpan())
        {
            if (ioasid.Exists && (ioasid.Format == SnoopFormat.NoSnoop || ioasid.MapFormat == SnoopFormat.NoSnoop))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The policy, not the user, has put a capable device among capable devices on a plain table, and nothing else snoops for it.</summary>
    private bool Tainted(HostFacts facts, int joined)
    {
        ref readonly HostDevice device = ref facts.Devices[joined];
        if (!device.IsAttached || !device.Plain || device.Forces || !_capable[joined] || IsUsersChoice(facts, device))
        {
            return false;
        }

        for (int i = 0; i < facts.Devices.Length; i++)
        {
            if (!_capable[i] && facts.Devices[i].Ioasid == device.Ioasid)
            {
                return false;
            }
        }

        return true;
    }

    private bool IsUsersChoice(HostFacts facts, in HostDevice device) => facts.Ioasids[device.Ioasid] is var ioasid
        && (profile.Sharing.Formats.Length == 0 ? device.Flag == SnoopFormat.NoSnoop : ioasid.Format != SnoopFormat.Auto);
}
