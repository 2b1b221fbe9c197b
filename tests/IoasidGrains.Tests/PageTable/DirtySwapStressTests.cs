// A reader on another thread writes while what was written is taken and collected over and over: no write may be lost.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

/// <summary>100,000 queries by default; 2,000,000 with IOASID_STRESS=1.</summary>
public sealed class DirtySwapStressTests : IDisposable
{
    private const ulong P = 4096, M = 1UL << 20, G = 1UL << 30;
    private const int PerSection = 8;
    private const ulong Seed = 17;

    private static readonly int Queries = Environment.GetEnvironmentVariable("IOASID_STRESS") == "1" ? 2_000_000 : 100_000;

    /// <summary>A whole GiB, which is swapped, and 2 MiB behind it, which are cleared live.</summary>
    private static readonly IovaRange Range = new(G, 2 * G + 2 * M - 1);

    private readonly DensePageTable _table = new(48, false, IommuCapabilities.AllPageSizes);
    private readonly TableReader _reader;
    private long _marked;
    private volatile bool _over;

    public DirtySwapStressTests()
    {
        _table.Map(Range, 0, DmaAccess.ReadWrite);
        _table.SetDirtyTracking(true);
        _reader = _table.AddReader();
    }

    public void Dispose()
    {
        _reader.Dispose();
        _table.Dispose();
    }

    [Fact]
    public void Writes_BesideTakeAndCollect_AreInTheNextBitmapOrTheOneBefore()
    {
        var words = (int)(Range.Length / P / 64);
        (ulong[] bitmap, ulong[] before) = (new ulong[words], new ulong[words]);
        var writer = new Thread(Write);
        writer.Start();
        long checkedUpTo = 0;
        try
        {
            for (int query = 0; query < Queries; query++)
            {
                (bitmap, before) = (before, bitmap);
                Array.Clear(bitmap);
                long marked = Volatile.Read(ref _marked);
                Query(bitmap);
                for (; checkedUpTo < marked; checkedUpTo++)
                {
                    Check(checkedUpTo + 1, query, bitmap, before);
                }
            }
        }
        finally
        {
            _over = true;
            writer.Join();
        }

        Assert.True(checkedUpTo > Queries / 10, $"only {checkedUpTo} sections of writes beside {Queries} queries");
    }

    /// <summary>Says that a section has marked before it leaves: so no query but the one after that, or the one that waited for it, has its pages.</summary>
    private void Write()
    {
        var iovas = new ulong[PerSection];
        var words = new ulong[PerSection];
        for (long section = 1; !_over; section++)
        {
            for (int i = 0; i < PerSection; i++)
            {
                iovas[i] = PageOf(section, i) * P + Range.Start;
            }

            _reader.TryEnter();
            _reader.Translate(iovas, words, DmaAccess.Write, true);
            Volatile.Write(ref _marked, section);
            _reader.Leave();
        }
    }

    private void Query(ulong[] bitmap)
    {
        Assert.Equal(Errno.OK, _table.TakeDirty(Range, P, bitmap.Length));
        AwaitReaders();
        Assert.True(_table.CollectTaken(bitmap));
        AwaitReaders();
    }

    private void AwaitReaders()
    {
        for (long epoch = _table.Advance(); !_table.HasPassed(epoch);)
        {
            Thread.Yield();
        }
    }

    private static void Check(long section, int query, ulong[] bitmap, ulong[] before)
    {
        for (int i = 0; i < PerSection; i++)
        {
            ulong page = PageOf(section, i);
            bool found = (((bitmap[page / 64] | before[page / 64]) >> (int)(page % 64)) & 1) != 0;
            if (!found)
            {
                // Said only when it is so: the writer must not be faster than this.
                Assert.Fail($"seed {Seed}: page {page}, written in section {section}, is neither in bitmap {query} nor in the one before");
            }
        }
    }

    /// <summary>The last of a section is behind the GiB.</summary>
    private static ulong PageOf(long section, int index)
    {
        ulong random = (((ulong)section * PerSection) + (ulong)index + Seed) * 0x9E3779B97F4A7C15 >> 32;
        return index == PerSection - 1 ? (G / P) + (random % (2 * M / P)) : random % (G / P);
    }
}
