// What a device is told to do for a while: the pattern of its DMA, where, and how much.
namespace IoasidGrains.Uapi;

/// <summary>How a device's accesses follow each other.</summary>
public enum DmaPattern
{
    /// <summary>A network card: rings of descriptors and of 2 KiB buffers, received packets written, sent ones read.</summary>
    NicRing,

    /// <summary>An NVMe drive: random I/O of 4 to 128 KiB through lists of pages, as many at once as the queue is deep.</summary>
    NvmeRandom,

    /// <summary>Virtio queues of a guest on huge pages: chains of three descriptors, most of them in a few hot regions.</summary>
    VirtioHugePages,

    /// <summary>Reads and writes of 64 bytes, anywhere in the window with the same probability.</summary>
    UniformRandom,

    /// <summary>A recording, from its start, again and again until there were enough accesses.</summary>
    Trace,
}

/// <summary>A workload: the same one makes the same accesses on every runner.</summary>
/// <param name="Window">The addresses that the device uses; for a trace the recording says which.</param>
/// <param name="Accesses">How many DMA accesses to make; 1 at least. One access may take several translations.</param>
/// <param name="Seed">Of everything random in it.</param>
[GenerateSerializer, Immutable]
public sealed record DmaWorkload(DmaPattern Pattern, IovaRange Window, long Accesses, ulong Seed)
{
    /// <summary>The smallest window of the patterns that make their own addresses, in bytes: room for their rings.</summary>
    public const ulong MinWindow = 2UL << 20;

    /// <summary>I/Os at once of <see cref="DmaPattern.NvmeRandom"/>; buffers per ring of <see cref="DmaPattern.NicRing"/>.</summary>
    public const int MaxDepth = 4096;

    /// <summary>0: the pattern's usual depth.</summary>
    [Id(0)]
    public int Depth { get; init; }

    /// <summary>What <see cref="DmaPattern.Trace"/> replays; null for the others.</summary>
    [Id(1)]
    public DmaTrace? Trace { get; init; }

    /// <summary>Look at every page reached whether its owner has freed it: a device that reaches a freed page used a translation that must be gone.</summary>
    [Id(2)]
    public bool WatchFreed { get; init; }

    /// <summary>OK, or EINVAL for a workload that no device can do.</summary>
    public Errno Check() =>
        Accesses >= 1 && Depth is >= 0 and <= MaxDepth && Enum.IsDefined(Pattern) && (Pattern == DmaPattern.Trace
            ? Trace?.Check() == Errno.OK
            : Trace is null && Window.Start <= Window.Last && Window.Last - Window.Start >= MinWindow - 1 && Quantity.IsPageAligned(Window.Start))
        ? Errno.OK : Errno.EINVAL;
}

/// <summary>Recorded accesses, one per index.</summary>
/// <param name="Lengths">Bytes, 1 to <see cref="DeviceDma.MaxLength"/>.</param>
/// <param name="Writes">True where the device wrote.</param>
[GenerateSerializer, Immutable]
public sealed record DmaTrace(ulong[] Iovas, int[] Lengths, bool[] Writes)
{
    /// <summary>So that a trace fits in one message.</summary>
    public const int MaxAccesses = 1 << 20;

    internal Errno Check() =>
        Iovas is { Length: >= 1 and <= MaxAccesses } && Lengths?.Length == Iovas.Length && Writes?.Length == Iovas.Length
            && Lengths.All(length => length is >= 1 and <= DeviceDma.MaxLength)
            && Iovas.Zip(Lengths).All(access => access.First <= ulong.MaxValue - (ulong)(access.Second - 1)) ? Errno.OK : Errno.EINVAL;
}
