// One step of a history: what the user, a device or the guest may do next.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>What is done. The order of the moves, and so which of several shortest histories is shown, is this order.</summary>
public enum MoveKind
{
    Plug,
    Attach,
    Unplug,
    Detach,
    KvmUpdate,
    CpuWrite,
    Wbinvd,
    DmaRead,
    DmaWrite,
    CpuRead,
    Alloc,
    Free,
    Map,
    Unmap,
    KvmAdd,
    KvmDel,
}

/// <summary>A move of the alphabet.</summary>
/// <param name="Device">Index of a device of the topology; 0 if none is meant.</param>
/// <param name="Ioasid">Index of an IOASID, from 0, and of the page of guest memory that belongs to it; 0 if none is meant.</param>
/// <param name="Flag">Of ATTACH, ALLOC or MAP.</param>
public readonly record struct Move(MoveKind Kind, int Device = 0, int Ioasid = 0, SnoopFormat? Flag = null)
{
    /// <summary>Only memory and caches can change by it: the records of the objects stay as they are.</summary>
    public bool TouchesMemoryOnly => Kind is MoveKind.CpuWrite or MoveKind.Wbinvd or MoveKind.DmaRead or MoveKind.DmaWrite or MoveKind.CpuRead;
}
