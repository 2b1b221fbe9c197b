// The ways to translate the same addresses with the same table.
using System.Runtime.CompilerServices;
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>One table and the addresses to ask it for. A sample is so many batches of 4096.</summary>
internal sealed unsafe class WalkVariants(DensePageTable table, AddressQueries queries, CReference? c, int batches = 32)
{
    private readonly DenseForC _forC = CReference.ReaderOf(table);

    public Variant Ours => new("ours", () => Batches((iovas, words) => table.Translate(iovas, words, DmaAccess.Read, true)));

    public Variant Spans => new("spans", () => Batches((iovas, words) => table.TranslateOnSpans(iovas, words, DmaAccess.Read, true)));

    /// <summary>C's scalar walk, or the one on spans.</summary>
    public Variant Reference => c is null ? Spans : new("C", () => Batches(InC));

    public Variant OursDependent => new("ours, one at a time", () => OneByOne(window => DependentOnes(table, window, 0)));

    public Variant ReferenceDependent => new("C, one at a time", () => OneByOne(window =>
    {
        if (c is null)
        {
            return DependentOnSpans(window, 0);
        }

        // SAFETY: the window is pinned, and C reads so many addresses; the table is not changed meanwhile.
        fixed (DenseForC* forC = &_forC)
        fixed (ulong* from = window)
        {
            return c.DenseDependent(forC, from, window.Length, 0);
        }
    }));

    /// <summary>All ways find the same words.</summary>
    public WalkVariants Checked()
    {
        var words = new ulong[AddressQueries.Batch];
        Span<ulong> iovas = queries.Window(words.Length);
        table.TranslateOnSpans(iovas, words, DmaAccess.Read, true);
        table.Translate(iovas, queries.Words, DmaAccess.Read, true);
        bool same = words.AsSpan().SequenceEqual(queries.Words);
        queries.Words.AsSpan().Clear();
        same &= c is null || (InC(iovas, queries.Words) == 0 && words.AsSpan().SequenceEqual(queries.Words));
        return same ? this : throw new InvalidOperationException("Two walks of one table found different words.");
    }

    private delegate long Walk(Span<ulong> iovas, Span<ulong> words);

    private long InC(Span<ulong> iovas, Span<ulong> words)
    {
        // SAFETY: both arrays are pinned, and C reads and writes so many words; the table is not changed meanwhile.
        fixed (DenseForC* forC = &_forC)
        fixed (ulong* from = iovas, to = words)
        {
            return c!.DenseWalk(forC, from, to, iovas.Length);
        }
    }

    private double Batches(Walk walk)
    {
        long faults = 0;
        long start = ThreadTime.Nanoseconds;
        for (int i = 0; i < batches; i++)
        {
            faults += walk(queries.Window(AddressQueries.Batch), queries.Words);
        }

        long nanoseconds = ThreadTime.Nanoseconds - start;
        return faults == 0 ? (double)nanoseconds / (batches * AddressQueries.Batch)
            : throw new InvalidOperationException($"{faults} addresses did not translate.");
    }

    private delegate ulong DependentWalk(Span<ulong> window);

    private double OneByOne(DependentWalk walk)
    {
        ulong faults = 0;
        long start = ThreadTime.Nanoseconds;
        for (int i = 0; i < batches; i++)
        {
            faults |= walk(queries.Window(AddressQueries.Batch)) & 1;
        }

        long nanoseconds = ThreadTime.Nanoseconds - start;
        return faults == 0 ? (double)nanoseconds / (batches * AddressQueries.Batch) : throw new InvalidOperationException("An address did not translate.");
    }

    /// <summary>Not inlined, so that the JIT does not see that <paramref name="zero"/> is 0: each address waits for the one before.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong DependentOnes(DensePageTable table, Span<ulong> iovas, ulong zero)
    {
        ulong last = 0;
        foreach (ulong iova in iovas)
        {
            last = table.Translate(iova | (last & zero), DmaAccess.Read, true).Physical;
        }

        return last;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong DependentOnSpans(Span<ulong> iovas, ulong zero)
    {
        ulong last = 0;
        Span<ulong> one = [0], word = [0];
        foreach (ulong iova in iovas)
        {
            one[0] = iova | (last & zero);
            table.TranslateOnSpans(one, word, DmaAccess.Read, true);
            last = word[0];
        }

        return last;
    }
}
