// Reads a page table beside its writer, without locks or messages; devices of the table's silo translate through one.
using System.Runtime.CompilerServices;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

/// <summary>
/// Reads a page table beside its writer. Used by one thread at a time, not bound to one. A section holds at most 512 translations and the accesses that are
/// made with them: until <see cref="Leave"/> no page is given back that one of them leads to, provided that whoever unmaps waits for
/// <see cref="DensePageTable.HasPassed"/>. Nothing in a section may wait, lock or allocate (performance 6.2, invariant 8).
/// </summary>
public sealed class TableReader : IDisposable
{
    public const int MaxTranslations = 512;

    private const int Closed = -1;

    private readonly ReaderEpochs _epochs;
    private readonly EpochSlot _slot;
    private int _left = Closed;
    private bool _disposed;

    internal TableReader(DensePageTable table, ReaderEpochs epochs)
    {
        (Table, _epochs) = (table, epochs);
        _slot = epochs.Add();

        // A writer that found no readers a moment ago did without a fence: what it had stored by then is visible from here on.
        Interlocked.MemoryBarrierProcessWide();
    }

    /// <summary>Stays in memory for as long as this reader does.</summary>
    public DensePageTable Table { get; }

    /// <summary>Opens a section. False if the table is revoked: then none is open.</summary>
    /// <exception cref="InvalidOperationException">One is open.</exception>
    public bool TryEnter()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_left != Closed)
        {
            throw new InvalidOperationException("A reader of a page table is in a section already.");
        }

        bool entered = _epochs.TryEnter(_slot);
        _left = entered ? MaxTranslations : Closed;
        return entered;
    }

    /// <summary>Ends the section: the accesses are made.</summary>
    public void Leave()
    {
        _left = Closed;
        ReaderEpochs.Leave(_slot);
    }

    /// <inheritdoc cref="IIoPageTable.Translate(ReadOnlySpan{ulong}, Span{ulong}, DmaAccess, bool)"/>
    /// <remarks>In a section. While the table tracks what is written, the pages that were translated for Write are marked, each 4 KiB by itself.</remarks>
    /// <exception cref="InvalidOperationException">No section is open, or it would hold more than 512 translations.</exception>
    public int Translate(ReadOnlySpan<ulong> iovas, Span<ulong> words, DmaAccess need, bool unitEnforcesSnoop)
    {
        Take(iovas.Length);
        int faults = Table.Translate(iovas, words, need, unitEnforcesSnoop);
        if ((need & DmaAccess.Write) != 0)
        {
            Table.DirtyBitsAfterRead()?.Mark(iovas, words);
        }

        return faults;
    }

    /// <inheritdoc cref="IIoPageTable.Translate(ulong, DmaAccess, bool)"/>
    /// <remarks>As for a batch of one.</remarks>
    /// <exception cref="InvalidOperationException">No section is open, or it would hold more than 512 translations.</exception>
    public Translation Translate(ulong iova, DmaAccess need, bool unitEnforcesSnoop)
    {
        Take(1);
        Translation translation = Table.Translate(iova, need, unitEnforcesSnoop);
        if ((need & DmaAccess.Write) != 0 && translation.Fault == DmaFault.None)
        {
            Table.DirtyBitsAfterRead()?.Mark(iova, iova);
        }

        return translation;
    }

    /// <inheritdoc cref="IIoPageTable.TranslateRange"/>
    /// <remarks>
    /// As for a batch; every page of the range is one translation. It also ends early when the section has had its 512: go on in another one.
    /// </remarks>
    /// <exception cref="InvalidOperationException">No section is open, or it has no translation left.</exception>
    public RangeTranslation TranslateRange(IovaRange range, DmaAccess need, bool unitEnforcesSnoop, Span<PhysicalSegment> segments)
    {
        Take(1);
        long left = _left + 1;
        RangeTranslation translated = Table.TranslateRange(range, need, unitEnforcesSnoop, segments, ref left);
        _left = (int)left;
        if ((need & DmaAccess.Write) != 0 && translated.Bytes != 0)
        {
            Table.DirtyBitsAfterRead()?.Mark(range.Start, range.Start + (translated.Bytes - 1));
        }

        return translated;
    }

    /// <summary>Ends the section, if one is open, and the reading.</summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            (_disposed, _left) = (true, Closed);
            _epochs.Remove(_slot);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Take(int translations)
    {
        if (translations > _left)
        {
            ThrowTooMany();
        }

        _left -= translations;
    }

    private void ThrowTooMany() => throw new InvalidOperationException(_left == Closed
        ? "A reader of a page table translates only in a section."
        : $"A section holds {MaxTranslations} translations; {_left} are left.");
}
