// An I/O page table as its owner, the PageTable object, sees it.
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

/// <summary>
/// Maps pages of I/O virtual addresses to physical ones in entries that a VT-d unit could walk. One user at a time; Dispose returns its memory.
/// </summary>
public interface IIoPageTable : IDisposable
{
    /// <summary>Bits of an IOVA: 39, 48 or 57.</summary>
    int AddressWidth { get; }

    /// <summary>Every leaf carries SNP, unless it was mapped with a format of its own.</summary>
    bool EnforceSnoop { get; }

    /// <summary>Leaves of every size; a page of 1 GiB is one.</summary>
    long LeafCount { get; }

    /// <summary>64-bit entries set or cleared so far: what the work has cost.</summary>
    long EntriesWritten { get; }

    /// <summary>Tables in use whose entries are 4 KiB leaves; 0 while no such page is mapped.</summary>
    int Tables { get; }

    /// <summary>
    /// Maps the range to the equally long one at <paramref name="physical"/>, in the largest pages that alignment, length and the unit allow.
    /// In this order: EINVAL if an address is not aligned to 4 KiB, the range is not one, or access is neither read nor write;
    /// EFAULT past the address width (or past 2^52 on the physical side); EEXIST if any of it is mapped; ENOMEM if there is no memory for
    /// tables. A refusal writes nothing.
    /// </summary>
    Errno Map(IovaRange range, ulong physical, DmaAccess access);

    /// <summary>
    /// Removes every leaf of the range; there may be holes. EINVAL if it is not aligned to 4 KiB, is no range or would cut a large page;
    /// EFAULT past the address width. A refusal removes nothing.
    /// </summary>
    Errno Unmap(IovaRange range);

    /// <summary>
    /// Walks the table in VT-d's order: beyond the width (4); then, per level from the top, a permission missing in this very entry (5 write,
    /// else 6 read; so a hole is one of these) and reserved bits (0xC).
    /// </summary>
    /// <param name="iova">To the byte.</param>
    /// <param name="need">Read, Write or both.</param>
    /// <param name="unitEnforcesSnoop">The walking unit has Snoop Control; SNP is a reserved bit to one that has not.</param>
    Translation Translate(ulong iova, DmaAccess need, bool unitEnforcesSnoop);

    /// <summary>
    /// Translates a batch: <paramref name="words"/>[i] becomes the <see cref="TranslatedWord"/> of <paramref name="iovas"/>[i], for which there
    /// must be room. Which fault it was is found by translating that address alone.
    /// </summary>
    /// <returns>How many of them faulted.</returns>
    int Translate(ReadOnlySpan<ulong> iovas, Span<ulong> words, DmaAccess need, bool unitEnforcesSnoop);

    /// <summary>
    /// Translates a range to the byte, as physically contiguous segments from its start on. It ends early at the first fault, and where
    /// <paramref name="segments"/> is full: then go on behind what was translated.
    /// </summary>
    RangeTranslation TranslateRange(IovaRange range, DmaAccess need, bool unitEnforcesSnoop, Span<PhysicalSegment> segments);

    /// <summary>Every leaf with the bytes it covers, by rising IOVA. Not to be used across a Map or Unmap.</summary>
    IEnumerable<(ulong Iova, ulong Size, IoPte Pte)> Leaves();
}
