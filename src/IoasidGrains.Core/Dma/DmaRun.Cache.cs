// A run whose page table is elsewhere: it translates through its device's cache, and asks the table for what is missing and for longer leases.
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

public sealed partial class DmaRun
{
    /// <summary>In nanoseconds.</summary>
    private const long AskAgain = FetchTranslations.Lease / 32;

    private DmaPoint TranslateInCache()
    {
        long now = _now = _views.Now;
        if (now >= _leaseEnd)
        {
            _cache.InvalidateAll();
            _isLeased = false;
        }
        else if (now >= _keepAt)
        {
            return Ask(_context.Route.Table.Object, new KeepTranslations(_context.Route.Table, Device, _context.Incarnation, Heard), now);
        }

        // Before what is asked for with it: what is newer than this was not heard of.
        long heard = Heard;
        _inCache = true;
        _generation = _cache.Generation;
        _cache.Enter();
        _faults = _cache.Translate(
            _iovas.AsSpan(0, _burst.Count), _words, _burst.Access, _context.Unit.EnforceSnoop, _missing, out int missing);
        CountLookups(missing);
        if (missing == 0)
        {
            return DmaPoint.Translated;
        }

        _cache.Leave();
        ulong[] slots = _missing[..Math.Min(missing, FetchTranslations.MaxSlots)];
        return Ask(_context.Route.Table.Object, new FetchTranslations(_context.Route.Table, Device, _context.Incarnation, heard, slots), now);
    }

    /// <summary>A burst that comes back after a fill was looked up already.</summary>
    private void CountLookups(int missing)
    {
        if (!_wasLookedUp)
        {
            int missed = missing == 0 ? 0 : _words.AsSpan(0, _burst.Count).Count(TranslatedWord.Fault) - _faults;
            _counts.CountLookups(_burst.Count, missed);
            _wasLookedUp = true;
        }
    }

    private DmaPoint Ask(ObjectId to, Command message, long now)
    {
        (To, Message, _asked) = (to, message, now);
        _isOpen = false;
        return DmaPoint.Asks;
    }

    /// <summary>Once it is over and still the cache is the next run's, also if an answer comes late.</summary>
    private void FillUnlessOver(Reply reply)
    {
        _isOpen = true;
        Interlocked.MemoryBarrier();
        if (!IsOver)
        {
            Fill(reply);
        }

        _isOpen = false;
    }

    private void Fill(Reply reply)
    {
        if (_isLeased && _views.Now >= _leaseEnd)
        {
            // The lease ended while this was asked for: what was taken away since, nobody told this device. All that it holds goes, this too.
            return;
        }

        TakeLease(reply.Outputs is FetchedTranslations { Lease: var fetch } ? fetch : ((TranslationsKept)reply.Outputs!).Lease);
        if (!_isLeased || reply.Outputs is not FetchedTranslations fetched)
        {
            return;
        }

        _counts.CountFill();
        (_memories, _addressWidth) = (fetched.Memories, fetched.AddressWidth);
        var slots = ((FetchTranslations)Message!).Slots;
        int leaf = 0;
        for (int i = 0; i < slots.Length; i++)
        {
            ulong entry = fetched.Entries[i];
            bool isTable = entry != 0 && !new IoPte(entry).IsLeaf(level: 2);
            ReadOnlySpan<ulong> entries = isTable ? fetched.Leaves.AsSpan(leaf++ * 512, 512) : default;
            if (!_cache.TryFill(_generation, slots[i], entry, entries))
            {
                // An invalidation came since it was asked for: what came back may be what it invalidated.
                return;
            }
        }
    }

    /// <summary>Without a new lease it goes on under the one that it has, and asks again soon.</summary>
    private void TakeLease(long lease)
    {
        if (lease > 0)
        {
            (_isLeased, _leaseEnd, _keepAt) = (true, Math.Max(_leaseEnd, _asked + lease), _asked + (lease / 4));
        }
        else if (_isLeased)
        {
            _keepAt = _asked + AskAgain;
        }
        else
        {
            Until = new LeaseOver(_views, _asked + AskAgain);
        }
    }
}
