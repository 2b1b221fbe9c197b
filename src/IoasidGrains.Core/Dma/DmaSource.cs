// Where a workload's addresses come from; a run of a workload takes one burst after the other from it.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>One burst: pages to translate, all for the same kind of access.</summary>
/// <param name="Count">Translations; 0 never.</param>
/// <param name="Accesses">DMA accesses that begin in this burst.</param>
public readonly record struct DmaBurst(int Count, DmaAccess Access, int Accesses);

/// <summary>
/// An endless sequence of bursts that depends on the workload alone. It allocates nothing after it was made. A burst never splits an access that fits
/// in one: what one access touches is translated together where it can be.
/// </summary>
public abstract class DmaSource
{
    /// <summary>The most translations in a burst: one section of a reader.</summary>
    public const int MaxBurst = 512;

    /// <summary>Fills in the next burst: for each translation its first byte and how many bytes of that page of 4 KiB it touches.</summary>
    /// <param name="iovas">Room for <see cref="MaxBurst"/>.</param>
    /// <param name="lengths">As many.</param>
    public abstract DmaBurst Next(Span<ulong> iovas, Span<int> lengths);
}
