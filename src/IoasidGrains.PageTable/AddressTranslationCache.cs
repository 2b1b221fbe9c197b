// A device's copy of translations, as a PCIe ATC; devices that are not on the silo of their page table translate through one.
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

/// <summary>
/// Entries of 2 MiB and whole leaf tables, by 2 MiB slot number. One thread at a time translates, in sections, and fills, outside of them; any thread
/// invalidates. A hole is never believed for long, as mapping invalidates nothing (as an ATC does not keep translations that were refused): a hole that was
/// filled in counts until a section that missed nothing is over, so that what was asked for is answered once, as a fault; after that it is a miss again.
/// </summary>
public sealed class AddressTranslationCache
{
    private const int Closed = -1;

    private readonly Lock _gate = new();
    private readonly ReaderEpochs _epochs = new();
    private readonly EpochSlot _slot;
    private readonly CachedSlots _cached;
    private int _left = Closed;
    private bool _translated, _missed;
    private long _lookups, _hits;

    /// <param name="slots">The most slots of 2 MiB: a power of two, at least 512. Memory is taken as they are used.</param>
    /// <param name="leaves">The most leaf tables of 4 KiB: at least 512, what the translations of one section may need.</param>
    public AddressTranslationCache(int slots = 32768, int leaves = 4096)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(slots, TableReader.MaxTranslations);
        ArgumentOutOfRangeException.ThrowIfNotEqual(slots & (slots - 1), 0, nameof(slots));
        ArgumentOutOfRangeException.ThrowIfLessThan(leaves, TableReader.MaxTranslations);
        _cached = new CachedSlots(slots, leaves);
        _slot = _epochs.Add();
    }

    /// <summary>Another one after every invalidation: to be read before a fetch is sent, and given to <see cref="TryFill"/> with the answer.</summary>
    public long Generation => _epochs.Current;

    /// <summary>Addresses that were looked for, and those that were found, as a page or a fault. Any thread.</summary>
    public long Lookups => Volatile.Read(ref _lookups);

    /// <inheritdoc cref="Lookups"/>
    public long Hits => Volatile.Read(ref _hits);

    /// <summary>Opens a section of at most 512 translations and the accesses made with them, with a full fence.</summary>
    /// <exception cref="InvalidOperationException">One is open.</exception>
    public void Enter()
    {
        if (_left != Closed)
        {
            throw new InvalidOperationException("An address-translation cache is in a section already.");
        }

        (_left, _translated, _missed) = (TableReader.MaxTranslations, false, false);

        // Nobody revokes a cache: it succeeds.
        _epochs.TryEnter(_slot);
    }

    /// <summary>Ends the section: the accesses are made.</summary>
    public void Leave()
    {
        if (_translated && !_missed)
        {
            _cached.EndRound();
        }

        _left = Closed;
        ReaderEpochs.Leave(_slot);
    }

    /// <summary>
    /// As <see cref="IIoPageTable.Translate(ReadOnlySpan{ulong}, Span{ulong}, DmaAccess, bool)"/>, in a section. What is not cached becomes
    /// <see cref="TranslatedWord.Fault"/>, too, and its slot (IOVA / 2 MiB) is listed: fetch those, fill, and translate again.
    /// </summary>
    /// <param name="iovas">To the byte.</param>
    /// <param name="words">Room for as many.</param>
    /// <param name="need">Read, Write or both.</param>
    /// <param name="unitEnforcesSnoop">The unit has Snoop Control.</param>
    /// <param name="missing">Slots to fetch; one may be listed twice. Those that find no room are listed by the next try.</param>
    /// <param name="missCount">How many were listed; 0 if everything is cached.</param>
    /// <returns>How many are faults, not counting what is not cached.</returns>
    /// <exception cref="InvalidOperationException">No section is open, or it would hold more than 512 translations.</exception>
    public int Translate(
        ReadOnlySpan<ulong> iovas, Span<ulong> words, DmaAccess need, bool unitEnforcesSnoop, Span<ulong> missing, out int missCount)
    {
        ArgumentOutOfRangeException.ThrowIfEqual((int)need, (int)DmaAccess.None);
        ArgumentOutOfRangeException.ThrowIfZero(missing.Length);
        Take(iovas.Length);
        words = words[..iovas.Length];
        ulong tested = (ulong)need | IoPte.TransientMappingBit | (unitEnforcesSnoop ? 0 : IoPte.SnoopBit);
        ulong current = ulong.MaxValue, entry = 0;
        Span<ulong> leaf = [];
        bool fresh = false;
        int faults = 0, missed = 0;
        missCount = 0;
        for (int i = 0; i < iovas.Length; i++)
        {
            ulong iova = iovas[i];
            if (iova >> Geometry.SlotShift != current)
            {
                current = iova >> Geometry.SlotShift;
                entry = _cached.Find(current, out fresh);
                leaf = CachedSlots.IsPointer(entry) ? _cached.Leaf(entry) : [];
            }

            ulong page = leaf.IsEmpty ? entry & ~CachedSlots.Absent : Volatile.Read(ref leaf[Geometry.Entry(iova)]);
            if (page == 0 && !(fresh && entry != 0 && _cached.IsStillFresh(current)))
            {
                words[i] = TranslatedWord.Fault;
                missed++;
                missCount = List(missing, missCount, current);
                continue;
            }

            ulong inPage = leaf.IsEmpty ? Geometry.SlotBytes - 1 : Quantity.PageSize - 1;
            bool granted = (page & (leaf.IsEmpty ? tested | BatchWalk.LargeReservedBits : tested)) == (ulong)need;
            words[i] = granted
                ? (page & IoPte.AddressMask) | (iova & inPage) | ((page & IoPte.SnoopBit) << BatchWalk.SnoopShift)
                : TranslatedWord.Fault;
            faults += granted ? 0 : 1;
        }

        Count(iovas.Length, missed);
        return faults;
    }

    /// <summary>Why an address was a fault just now, in the same section; that of a hole if it was invalidated since.</summary>
    public DmaFault FaultOf(ulong iova, DmaAccess need, bool unitEnforcesSnoop)
    {
        ulong entry = _cached.Find(iova >> Geometry.SlotShift, out _);
        bool table = CachedSlots.IsPointer(entry);
        var page = new IoPte(table ? Volatile.Read(ref _cached.Leaf(entry)[Geometry.Entry(iova)]) : entry & ~CachedSlots.Absent);
        return page.FaultOf(table ? 1 : 2, need, unitEnforcesSnoop);
    }

    /// <summary>
    /// Takes in what was fetched: the entry of a slot (0: nothing is mapped there) and, if it points to a leaf table, its 512 entries. False, and dropped, if an
    /// invalidation came since <paramref name="generation"/> was read: it may be what that invalidated (reliability 3.4, rule 5). Not in a section.
    /// </summary>
    public bool TryFill(long generation, ulong slot, ulong entry, ReadOnlySpan<ulong> leaf)
    {
        if (_left != Closed)
        {
            throw new InvalidOperationException("An address-translation cache is filled in a section, which may be using what it drops.");
        }

        lock (_gate)
        {
            if (generation != Generation)
            {
                return false;
            }

            _cached.Fill(slot, entry, leaf);
            return true;
        }
    }

    /// <summary>Forgets what it knows of these ranges, and refuses what is under way. Any thread.</summary>
    /// <returns>The epoch that must have passed before it is complete.</returns>
    public long Invalidate(ReadOnlySpan<IovaRange> ranges)
    {
        lock (_gate)
        {
            foreach (IovaRange range in ranges)
            {
                _cached.Clear(range.Start, range.Last);
            }

            return _epochs.Advance();
        }
    }

    /// <inheritdoc cref="Invalidate"/>
    public long InvalidateAll() => Invalidate([new IovaRange(0, ulong.MaxValue)]);

    /// <summary>Any thread: is no section open that was entered before this epoch? Once true it stays true.</summary>
    public bool HasPassed(long epoch) => _epochs.HasPassed(epoch);

    /// <summary>Lists a slot, unless it is one of the last few.</summary>
    private static int List(Span<ulong> missing, int count, ulong slot)
    {
        const int LookedAt = 8;
        if (count == missing.Length || missing[Math.Max(0, count - LookedAt)..count].Contains(slot))
        {
            return count;
        }

        missing[count] = slot;
        return count + 1;
    }

    private void Count(int lookups, int missed)
    {
        _translated = true;
        _missed |= missed != 0;
        Volatile.Write(ref _lookups, _lookups + lookups);
        Volatile.Write(ref _hits, _hits + (lookups - missed));
    }

    private void Take(int translations)
    {
        if (translations > _left)
        {
            throw new InvalidOperationException($"An address-translation cache translates only in a section, and at most {TableReader.MaxTranslations} addresses.");
        }

        _left -= translations;
    }
}
