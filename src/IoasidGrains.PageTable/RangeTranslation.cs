// What TranslateRange found; handed to whoever does the accesses.
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

/// <summary>Physically contiguous bytes of one snoop format.</summary>
public readonly record struct PhysicalSegment(ulong Physical, ulong Length, bool Snp)
{
    /// <summary>Does this segment go on where <paramref name="next"/> leads?</summary>
    public bool IsContinuedBy(in Translation next) => Physical + Length == next.Physical && Snp == next.Snp;
}

/// <summary>How far a range was translated.</summary>
/// <param name="Segments">How many segments were written.</param>
/// <param name="Bytes">How many bytes they cover; a fault, if any, is at this distance from the start.</param>
/// <param name="Fault">None if the range, or all that there was room for, was translated.</param>
public readonly record struct RangeTranslation(int Segments, ulong Bytes, DmaFault Fault);
