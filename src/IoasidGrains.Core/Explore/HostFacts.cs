// What a state of the small host is, flat and without numbers that only grow; what the checks read and what a state's key is made of.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>One device.</summary>
public struct HostDevice
{
    public bool Bound;
    public bool FileOpen;

    /// <summary>Its file is registered with the VM.</summary>
    public bool FileAdded;

    public bool DriverOpened;

    /// <summary>Let go, and blocked while another member of its group is bound.</summary>
    public bool Blocked;

    /// <summary>Index of the IOASID that it is attached to; -1: none.</summary>
    public int Ioasid;

    /// <summary>Index of its page table in that.</summary>
    public int Table;

    /// <summary>The flag of ATTACH, if the profile knows any.</summary>
    public SnoopFormat? Flag;

    public bool Forces;
    public bool Promises;

    /// <summary>It meets leaves that do not enforce.</summary>
    public bool Plain;

    public readonly bool IsAttached => Ioasid >= 0;

    /// <summary>All of it in one word, with its IOASID called <paramref name="ioasid"/>.</summary>
    public readonly uint Word(int ioasid) => !Bound && !FileOpen && !FileAdded && !Blocked ? 0 : 1u
        | Bit(Bound, 1) | Bit(FileOpen, 2) | Bit(FileAdded, 3) | Bit(DriverOpened, 4) | Bit(Blocked, 5) | Bit(Forces, 6) | Bit(Promises, 7) | Bit(Plain, 8)
        | ((uint)(ioasid + 1) << 9) | ((uint)Table << 12) | ((uint)((int?)Flag + 1 ?? 0) << 16);

    /// <summary>What of it the user has chosen.</summary>
    public readonly uint Chosen(int ioasid) => !Bound && !FileAdded ? 0 : 1u
        | Bit(FileAdded, 3) | ((uint)(ioasid + 1) << 9) | ((uint)((int?)Flag + 1 ?? 0) << 16);

    private static uint Bit(bool set, int position) => set ? 1u << position : 0;
}

/// <summary>One IOASID.</summary>
public struct IoasidFacts
{
    /// <summary>0: it is free.</summary>
    public uint Number;

    /// <summary>As the user has chosen it; null if the profile ignores the flag.</summary>
    public SnoopFormat? Format;

    public bool Mapped;

    /// <summary>The format of its mapping, where mappings have their own.</summary>
    public SnoopFormat? MapFormat;

    /// <summary>Bit 2i: there is a table i; bit 2i+1: it enforces.</summary>
    public uint Tables;

    /// <summary>Some leaf carries SNP, or would; some leaf differs from what its table should be.</summary>
    public uint LeavesEnforce, LeavesDiffer;

    public readonly bool Exists => Number != 0;

    /// <summary>All of it in one word.</summary>
    public readonly uint Word => !Exists ? 0 : Chosen | (Tables << 8);

    /// <summary>What of it the user has chosen.</summary>
    public readonly uint Chosen => !Exists ? 0 : 1u | ((uint)((int?)Format + 1 ?? 0) << 1) | (Mapped ? 8u : 0) | ((uint)((int?)MapFormat + 1 ?? 0) << 4);
}

/// <summary>Everything that the checks judge, at one moment.</summary>
public sealed class HostFacts(int devices, int ioasids)
{
    public readonly HostDevice[] Devices = new HostDevice[devices];
    public readonly IoasidFacts[] Ioasids = new IoasidFacts[ioasids];

    /// <summary>The fd is registered with the VM.</summary>
    public bool Linked;

    /// <summary>What KVM was told by the fd last.</summary>
    public bool? Told;

    /// <summary>KVM's count of what makes the VM's DMA non-coherent.</summary>
    public int Count;

    /// <summary>Pinned by the fd.</summary>
    public ulong LockedBytes;

    /// <summary>KVM_UPDATE would change nothing.</summary>
    public bool Settled;

    /// <summary>KVM honours wbinvd.</summary>
    public bool Emulates => Count > 0;

    /// <summary>What is neither a device's nor an IOASID's, in one word.</summary>
    public uint Word => (Linked ? 1u : 0) | ((uint)(Told is null ? 0 : Told == true ? 2 : 1) << 1) | ((uint)Count << 3);
}
