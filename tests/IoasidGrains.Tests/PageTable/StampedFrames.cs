// Frames that say whose they are, or that they are free, and a page table that leads to them; used by the stress of readers.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

/// <summary>
/// One writer unmaps pages in batches, maps those of the batch before, waits as a grain does before it answers, and stamps the frames as freed. Pages lie
/// thinly in their 2 MiB, so that leaf tables come and go as well, and are wanted again before the wait is over. A reader looks at the stamp of every frame
/// that it was led to, in its section.
/// </summary>
internal sealed class StampedFrames : IDisposable
{
    private const ulong P = 4096, SlotBytes = 2UL << 20;
    private const int Slots = 96, PagesPerSlot = 8, Batch = 256;
    private const int Pages = Slots * PagesPerSlot;
    private const int Frames = 2 * Pages;
    private const ulong Freed = ulong.MaxValue;

    private readonly int _seed;

    /// <summary>The IOVA that a frame is mapped at, or Freed. Frame 0 is not used.</summary>
    private readonly ulong[] _stamps = new ulong[Frames + 1];

    private readonly int[] _frameOf = new int[Pages];
    private readonly Queue<int> _free = new(Enumerable.Range(1, Frames));
    private readonly Lock _turn = new();
    private readonly CountdownEvent _ready;
    private volatile string? _failure;
    private volatile bool _over;
    private long _seen;

    public StampedFrames(int seed, int readers)
    {
        (_seed, _ready) = (seed, new CountdownEvent(readers));
        Array.Fill(_stamps, Freed);
        for (int page = Batch; page < Pages; page++)
        {
            Map(page);
        }
    }

    public DensePageTable Table { get; } = new(39, false, Quantity.PageSize, TableMemory.Shared);

    /// <summary>Translations whose frame was looked at.</summary>
    public long Seen => Volatile.Read(ref _seen);

    /// <summary>Nobody waits any more.</summary>
    public bool IsOver => _over;

    public void Dispose()
    {
        Table.Dispose();
        _ready.Dispose();
    }

    /// <summary>Unmaps on this thread while the others read.</summary>
    public void Run(Action[] readers, long unmaps, Action<IovaRange[]> beforeAnswer)
    {
        Thread[] threads = [.. readers.Select(reader => new Thread(() => Guard(reader)))];
        Array.ForEach(threads, thread => thread.Start());
        _ready.Wait();
        Guard(() => Write(unmaps, beforeAnswer));
        _over = true;
        Array.ForEach(threads, thread => thread.Join());
        Assert.True(_failure is null, $"seed {_seed}: {_failure}");
    }

    public void ReadTable(int seed)
    {
        using TableReader reader = Table.AddReader();
        var random = new Random(seed);
        var (iovas, words) = (new ulong[TableReader.MaxTranslations], new ulong[TableReader.MaxTranslations]);
        _ready.Signal();
        while (!_over)
        {
            Draw(random, iovas);
            reader.TryEnter();
            reader.Translate(iovas, words, DmaAccess.ReadWrite, true);
            Look(iovas, words, seed);
            reader.Leave();
        }
    }

    public void ReadThrough(AddressTranslationCache cache, int seed)
    {
        var random = new Random(seed);
        var (iovas, words, missing) = (new ulong[64], new ulong[64], new ulong[64]);
        var (entries, leaves) = (new ulong[64], new ulong[64 * IoPte.EntriesPerTable]);
        Draw(random, iovas);
        _ready.Signal();
        while (!_over)
        {
            long generation = cache.Generation;
            cache.Enter();
            cache.Translate(iovas, words, DmaAccess.ReadWrite, true, missing, out int count);
            if (count == 0)
            {
                Look(iovas, words, seed);
                cache.Leave();
                Draw(random, iovas);
                continue;
            }

            cache.Leave();
            lock (_turn)
            {
                for (int i = 0; i < count; i++)
                {
                    entries[i] = Table.Fetch(missing[i] * SlotBytes, leaves.AsSpan(i * IoPte.EntriesPerTable));
                }
            }

            // Beside the turn, as an answer is on its way: what comes in between must be dropped.
            for (int i = 0; i < count && cache.TryFill(generation, missing[i], entries[i], leaves.AsSpan(i * IoPte.EntriesPerTable)); i++)
            {
            }
        }
    }

    private void Write(long unmaps, Action<IovaRange[]> beforeAnswer)
    {
        var random = new Random(_seed);
        int[] pages = [.. Enumerable.Range(0, Pages)];
        var ranges = new IovaRange[Batch];
        for (long done = 0; done < unmaps && !_over; done += Batch)
        {
            // The first batch is not mapped, the second is about to be unmapped.
            Choose(random, pages.AsSpan(Batch));
            lock (_turn)
            {
                for (int i = 0; i < Batch; i++)
                {
                    ranges[i] = RangeOf(pages[Batch + i]);
                    Unmap(pages[Batch + i]);
                }

                Array.ForEach(pages[..Batch], Map);
            }

            long epoch = Table.Advance();
            beforeAnswer(ranges);
            while (!Table.HasPassed(epoch) && !_over)
            {
                Thread.Yield();
            }

            Array.ForEach(pages[Batch..(2 * Batch)], Free);
            pages = [.. pages[Batch..(2 * Batch)], .. pages[..Batch], .. pages[(2 * Batch)..]];
        }
    }

    /// <summary>Half of the time slots one after the other, so that tables become empty; else pages here and there.</summary>
    private static void Choose(Random random, Span<int> pages)
    {
        if (random.Next(2) == 0)
        {
            pages.Sort();
        }
        else
        {
            random.Shuffle(pages);
        }
    }

    private void Unmap(int page) => Assert.Equal(Errno.OK, Table.Unmap(RangeOf(page)));

    private void Free(int page)
    {
        Volatile.Write(ref _stamps[_frameOf[page]], Freed);
        _free.Enqueue(_frameOf[page]);
    }

    private void Map(int page)
    {
        int frame = _free.Dequeue();
        _frameOf[page] = frame;
        Volatile.Write(ref _stamps[frame], RangeOf(page).Start);
        Assert.Equal(Errno.OK, Table.Map(RangeOf(page), (ulong)frame * P, DmaAccess.ReadWrite));
    }

    /// <summary>Any frame that an address leads to is that address's own for as long as the section lasts.</summary>
    private void Look(ulong[] iovas, ulong[] words, int reader)
    {
        int seen = 0;
        for (int i = 0; i < iovas.Length; i++)
        {
            if (words[i] == TranslatedWord.Fault)
            {
                continue;
            }

            ulong stamp = Volatile.Read(ref _stamps[TranslatedWord.Physical(words[i]) / P]);
            seen++;
            if (stamp != iovas[i])
            {
                throw new InvalidOperationException(
                    $"reader {reader} came from 0x{iovas[i]:x} to frame {words[i] / P}, which {(stamp == Freed ? "was freed" : $"belongs to 0x{stamp:x}")}");
            }
        }

        Interlocked.Add(ref _seen, seen);
    }

    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception)
        {
            _failure ??= exception.ToString();
            _over = true;
        }
    }

    private static void Draw(Random random, ulong[] iovas)
    {
        foreach (ref ulong iova in iovas.AsSpan())
        {
            iova = RangeOf(random.Next(Pages)).Start;
        }
    }

    /// <summary>Eight pages of a slot, 60 apart.</summary>
    private static IovaRange RangeOf(int page)
    {
        ulong start = ((ulong)(page / PagesPerSlot) * SlotBytes) + ((ulong)(page % PagesPerSlot) * 60 * P);
        return new IovaRange(start, start + (P - 1));
    }
}
