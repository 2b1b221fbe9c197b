// Sections of readers without locks, and how a writer learns that old ones are over; used by page tables and address-translation caches.
namespace IoasidGrains.PageTable;

/// <summary>
/// A reader enters: it writes the epoch into its slot, then a full fence, then it reads. A writer stores, then raises the epoch (a full fence), then looks at
/// the slots: a reader whose slot it finds empty, or at the new epoch, sees those stores (performance 6.3). Epochs are even.
/// </summary>
internal sealed class ReaderEpochs
{
    private readonly Lock _gate = new();
    private volatile EpochSlot[] _slots = [];
    private volatile bool _revoked;
    private long _passed;
    private PaddedLong _epoch = new() { Value = 2 };

    public long Current => Volatile.Read(ref _epoch.Value);

    public bool HasReaders => _slots.Length != 0;

    public EpochSlot Add()
    {
        var slot = new EpochSlot();
        lock (_gate)
        {
            _slots = [.. _slots, slot];
        }

        return slot;
    }

    /// <summary>Ends the section of the slot, if there is one.</summary>
    public void Remove(EpochSlot slot)
    {
        Leave(slot);
        lock (_gate)
        {
            _slots = [.. _slots.Where(other => other != slot)];
        }
    }

    /// <summary>False, and no section is open, if the memory is revoked.</summary>
    public bool TryEnter(EpochSlot slot)
    {
        Interlocked.Exchange(ref slot.Entered, Current | 1);
        if (!_revoked)
        {
            return true;
        }

        Leave(slot);
        return false;
    }

    public static void Leave(EpochSlot slot) => Volatile.Write(ref slot.Entered, 0);

    /// <summary>A full fence and a new epoch, which sections that see all that was stored so far may have.</summary>
    public long Advance() => Interlocked.Add(ref _epoch.Value, 2);

    /// <summary>Is no reader in a section from before this epoch? Once true it stays true.</summary>
    public bool HasPassed(long epoch)
    {
        if (epoch <= Volatile.Read(ref _passed))
        {
            return true;
        }

        foreach (EpochSlot slot in _slots)
        {
            long entered = Volatile.Read(ref slot.Entered);
            if (entered != 0 && (entered & ~1L) < epoch)
            {
                return false;
            }
        }

        // Remembered, because a reader may yet write an old epoch into its slot; it sees all the same what was stored before this one.
        for (long passed = Volatile.Read(ref _passed); passed < epoch;)
        {
            passed = Interlocked.CompareExchange(ref _passed, epoch, passed) is var found && found == passed ? epoch : found;
        }

        return true;
    }

    /// <summary>Nobody enters any more, as soon as this epoch has passed.</summary>
    public void Revoke()
    {
        _revoked = true;
        Interlocked.MemoryBarrier();
    }
}
