// An NVMe drive with random I/O: queues, lists of physical regions (PRP, NVMe 2.0 4.1.1), data anywhere in the window.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// A round serves a queue full of I/Os, seven of ten of them reads of the disk, stage by stage: submission entries read; lists read; data written,
/// then data read; completion entries written. In the window stand first the lists and the two queues, then the data.
/// </summary>
internal sealed class NvmeSource : DmaSource
{
    private const int UsualDepth = 32;
    private const int SubmissionSize = 64;
    private const int CompletionSize = 16;

    /// <summary>Sizes of an I/O: 4, 8, … 128 KiB, equally often.</summary>
    private const ulong IoSizes = 6;

    /// <summary>Room for the list of the largest I/O; Linux has a pool of lists of this size.</summary>
    private const int ListSize = (1 << ((int)IoSizes - 1)) * ListEntrySize;
    private const int ListEntrySize = 8;

    /// <summary>The submission entry names the first page, and the second or the list of all others.</summary>
    private const int PagesWithoutList = 2;

    /// <summary>Neighbouring pages in a list: 1 shifted by 0 to 3, which are the two lowest bits of a random number.</summary>
    private const ulong MaxRunShift = 3;
    private const int LongestRun = 1 << (int)MaxRunShift;

    private readonly PatternWindow _window;
    private readonly byte[] _pages;
    private readonly ulong _submissions;
    private readonly ulong _completions;
    private readonly ulong _firstData;
    private readonly ulong _dataPages;
    private PatternRandom _random;
    private Stage _stage;
    private int _slot;
    private int _end;
    private int _split;
    private int _left;

    private enum Stage
    {
        Submissions,
        Lists,
        DiskReads,
        DiskWrites,
        Completions,
    }

    public NvmeSource(DmaWorkload workload)
    {
        int depth = workload.Depth == 0 ? UsualDepth : workload.Depth;
        _window = PatternWindow.Of(workload.Window);
        _random = new PatternRandom(workload.Seed);
        _pages = new byte[depth];
        _submissions = _window.Start + ((ulong)depth * ListSize);
        _completions = _submissions + ((ulong)depth * SubmissionSize);
        _firstData = PatternWindow.PagesOf((ulong)depth * (SubmissionSize + ListSize + CompletionSize));
        _dataPages = _window.Pages - _firstData;
        BeginRound();
    }

    public override DmaBurst Next(Span<ulong> iovas, Span<int> lengths)
    {
        while (true)
        {
            var burst = new BurstWriter(iovas, lengths);
            bool writes = _stage is Stage.DiskReads or Stage.Completions;
            int accesses = _stage switch
            {
                Stage.Submissions => AddQueue(ref burst, _submissions, SubmissionSize),
                Stage.Lists => AddLists(ref burst),
                Stage.Completions => AddQueue(ref burst, _completions, CompletionSize),
                _ => AddData(ref burst),
            };
            if (_slot == _end)
            {
                BeginStage();
            }

            if (accesses > 0)
            {
                return burst.End(writes ? DmaAccess.Write : DmaAccess.Read, accesses);
            }
        }
    }

    /// <summary>The sizes of all I/Os of a round and how many read the disk: 7 of 10, rounded up or down at random.</summary>
    private void BeginRound()
    {
        foreach (ref byte pages in _pages.AsSpan())
        {
            pages = (byte)(1 << (int)_random.Below(IoSizes));
        }

        _split = (int)((((ulong)_pages.Length * 7) + _random.Below(10)) / 10);
        (_stage, _slot, _end) = (Stage.Submissions, 0, _pages.Length);
    }

    private void BeginStage()
    {
        if (_stage == Stage.Completions)
        {
            BeginRound();
            return;
        }

        _stage++;
        (_slot, _end) = _stage switch
        {
            Stage.DiskReads => (0, _split),
            Stage.DiskWrites => (_split, _pages.Length),
            _ => (0, _pages.Length),
        };
    }

    private int AddQueue(ref BurstWriter burst, ulong queue, int size)
    {
        burst.Take(Math.Min(_end - _slot, burst.Room), out Span<ulong> iovas, out Span<int> lengths);
        for (int entry = 0; entry < iovas.Length; entry++)
        {
            iovas[entry] = queue + ((ulong)(_slot + entry) * (ulong)size);
        }

        lengths.Fill(size);
        _slot += iovas.Length;
        return iovas.Length;
    }

    private int AddLists(ref BurstWriter burst)
    {
        for (; _slot < _end && burst.Room > 0; _slot++)
        {
            int pages = _pages[_slot];
            if (pages > PagesWithoutList)
            {
                burst.Take(1, out Span<ulong> iovas, out Span<int> lengths);
                (iovas[0], lengths[0]) = (_window.Start + ((ulong)_slot * ListSize), (pages - 1) * ListEntrySize);
            }
        }

        return burst.Count;
    }

    /// <summary>
    /// Runs of neighbouring pages, one access each, as long as the longest of them has room. That many are always written, and only the run's own
    /// are kept: a loop of a random length would cost more than all of them.
    /// </summary>
    private int AddData(ref BurstWriter burst)
    {
        (PatternRandom random, int left, int accesses, int count) = (_random, _left, 0, 0);
        burst.Take(burst.Room, out Span<ulong> iovas, out Span<int> lengths);
        for (; _slot < _end && count <= iovas.Length - LongestRun; accesses++)
        {
            ulong drawn = random.Next();
            left = left == 0 ? _pages[_slot] : left;
            int run = Math.Min(left, 1 << (int)(drawn & MaxRunShift));
            ulong first = _window.PageAt(_firstData + Math.BigMul(drawn, _dataPages - (ulong)run + 1, out _));
            Span<ulong> pages = iovas.Slice(count, LongestRun);
            for (int page = 0; page < pages.Length; page++)
            {
                pages[page] = first + ((ulong)page * Quantity.PageSize);
            }

            count += run;
            left -= run;
            _slot += left == 0 ? 1 : 0;
        }

        lengths[..count].Fill((int)Quantity.PageSize);
        burst.GiveBack(iovas.Length - count);
        (_random, _left) = (random, left);
        return accesses;
    }
}
