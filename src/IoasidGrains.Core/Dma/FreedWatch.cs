// Looks whether the pages that a workload reaches are freed: the check that no translation outlives its unmap. A run with WatchFreed has one.
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Looks directly at memories on this silo and asks the others by message. The run's section stays open meanwhile: these are its accesses.</summary>
internal sealed class FreedWatch(LocalViews views)
{
    /// <summary>Bits of a user address in a physical address; above them stands which memory.</summary>
    private const int UserAddressBits = 47;

    private readonly int[] _toAsk = new int[DmaSource.MaxBurst];
    private GuestMemoryId[] _memories = [];
    private FreedPages?[] _pages = [];
    private int _asking, _left;
    private bool _looked;

    /// <summary>Goes on with one burst: a question that must be answered first, or null when all of it was looked at.</summary>
    public FindFreedPages? Look(ReadOnlySpan<ulong> words, GuestMemoryId[] memories, DmaCounts counts, ReadOnlySpan<ulong> iovas)
    {
        if (!_looked)
        {
            LookHere(words, memories, counts, iovas);
            _looked = true;
        }

        if (_left == 0)
        {
            _looked = false;
            return null;
        }

        return Question(words);
    }

    /// <summary>The answer to the last question; null if it was lost: then it is asked again.</summary>
    public void Take(Reply? reply, DmaCounts counts, ReadOnlySpan<ulong> iovas)
    {
        if (reply?.Outputs is not FreedPagesFound found)
        {
            return;
        }

        if (found.Count > 0)
        {
            counts.CountFreed(found.Count, iovas[_toAsk[found.First]]);
        }

        _toAsk.AsSpan(_asking, _left - _asking).CopyTo(_toAsk);
        _left -= _asking;
    }

    /// <summary>The run is over: what was not answered stays unknown.</summary>
    public void GiveUp() => (_left, _looked) = (0, false);

    private void LookHere(ReadOnlySpan<ulong> words, GuestMemoryId[] memories, DmaCounts counts, ReadOnlySpan<ulong> iovas)
    {
        if (memories != _memories)
        {
            (_memories, _pages) = (memories, new FreedPages?[memories.Length]);
        }

        for (int i = 0; i < words.Length; i++)
        {
            if (words[i] == TranslatedWord.Fault)
            {
                continue;
            }

            ulong physical = TranslatedWord.Physical(words[i]);
            int memory = (int)(physical >> UserAddressBits);
            FreedPages? pages = _pages[memory] ??= views.Find(_memories[memory]);
            if (pages is null)
            {
                _toAsk[_left++] = i;
            }
            else if (pages.Any && pages.IsFreed(physical & (Quantity.UserAddressEnd - 1)))
            {
                counts.CountFreed(1, iovas[i]);
            }
        }
    }

    /// <summary>About the pages of one memory, which are moved to the front.</summary>
    private FindFreedPages Question(ReadOnlySpan<ulong> words)
    {
        int memory = MemoryOf(words[_toAsk[0]]);
        _asking = 0;
        for (int i = 0; i < _left; i++)
        {
            if (MemoryOf(words[_toAsk[i]]) == memory)
            {
                (_toAsk[_asking], _toAsk[i]) = (_toAsk[i], _toAsk[_asking]);
                _asking++;
            }
        }

        var offsets = new ulong[_asking];
        for (int i = 0; i < _asking; i++)
        {
            offsets[i] = TranslatedWord.Physical(words[_toAsk[i]]) & (Quantity.UserAddressEnd - 1);
        }

        return new FindFreedPages(_memories[memory], offsets);
    }

    private static int MemoryOf(ulong word) => (int)(TranslatedWord.Physical(word) >> UserAddressBits);
}
