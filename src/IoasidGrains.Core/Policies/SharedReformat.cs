// One table for everybody, in the format that all can take; it is made an enforcing one again when the last device has left that cannot.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// Jason Gunthorpe's idea of 2022, never implemented: let enforce_cache_coherency() work on a populated domain and call it after detaching. On the way to P,
/// KVM is told first, then SNP is cleared, then invalidated, and the device attached last; on the way back SNP is set, invalidated, and then KVM is told.
/// While it lasts the leaves are mixed and KVM is in non-coherent mode.
/// </summary>
public static class SharedReformat
{
    public static readonly SharingPolicy Policy = new("shared, re-formatted on the last detach", [], SharedSticky.Attach)
    {
        Detach = leaving => leaving.Table.Devices.All(device => device.Unit.EnforceSnoop),
        IsNoncoherent = SharedSticky.HasPlainTable,
    };
}
