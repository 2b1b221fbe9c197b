// What a walk of an I/O page table found; handed to whoever does the access.
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

/// <summary>One translated address, or the fault that stopped it.</summary>
/// <param name="Fault">None if it was translated; the other members are 0 if it was not.</param>
/// <param name="Physical">Where the IOVA leads, to the byte.</param>
/// <param name="Access">What all levels together permit; at least what was asked for.</param>
/// <param name="Snp">The leaf's SNP: the unit snoops this access whatever the device asks for.</param>
public readonly record struct Translation(DmaFault Fault, ulong Physical, DmaAccess Access, bool Snp)
{
    public static Translation Faulted(DmaFault fault) => new(fault, 0, DmaAccess.None, false);

    /// <summary>Does an access go through the caches? Only one that asks not to be, on a leaf without SNP, goes past them (seed mail, section 1).</summary>
    public bool Snooped(bool noSnoop) => Snp || !noSnoop;
}
