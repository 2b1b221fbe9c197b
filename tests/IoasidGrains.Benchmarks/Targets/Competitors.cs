// Other structures at the same work, in the same rounds as ours: random translation over 1 GiB of 4 KiB pages, and churn.
using IoasidGrains.PageTable;
using IoasidGrains.Tests;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>Shown, not judged.</summary>
internal static class Competitors
{
    private const ulong GiB = 1UL << 30;
    private const string Translation = "translate, random 4K over 1 GiB";
    private const string Pair = "churn: unmap the oldest of 512 pages, map it again";
    private const int Batches = 32;

    public static CompetitorRow[] Measure(BenchSettings settings, CReference? c) => [.. Walks(settings, c), .. Pairs(settings, c)];

    private static CompetitorRow[] Walks(BenchSettings settings, CReference? c)
    {
        using DensePageTable ours = WalkTargets.Mapped(GiB, Quantity.PageSize);
        using CRadix? radix = c is null ? null : new CRadix(c, tables: 1024);
        using CTree? tree = c is null ? null : new CTree(c, nodes: 1 << 18);
        (string Name, IPageMap Map)[] maps = New();
        foreach (ulong iova in ShuffledPages())
        {
            radix?.Map(iova, 1);
            tree?.Map(iova);
            foreach ((_, IPageMap map) in maps)
            {
                map.TryMap(iova, iova | 3);
            }
        }

        AddressQueries queries = AddressQueries.Random(GiB, 1 << 20);
        List<Variant> variants = [new WalkVariants(ours, queries, c, Batches).Ours, .. maps.Select(item => Walk(item.Name, item.Map, queries))];
        if (radix is not null && tree is not null)
        {
            variants.InsertRange(1, [radix.Walk(queries, Batches), tree.Walk(queries, Batches)]);
        }

        return Rows(Translation, settings, variants);
    }

    private static CompetitorRow[] Pairs(BenchSettings settings, CReference? c)
    {
        using DensePageTable ours = new(48, enforceSnoop: true, Quantity.PageSize);
        using CRadix? radix = c is null ? null : new CRadix(c, tables: 64);
        using CTree? tree = c is null ? null : new CTree(c, nodes: 2 * ChurnRing.Pages);
        (string Name, IPageMap Map)[] maps = New();
        foreach (ulong iova in ChurnRing.Iovas)
        {
            ours.Map(new IovaRange(iova, iova + 4095), 0, DmaAccess.ReadWrite);
            radix?.Map(iova, 1);
            tree?.Map(iova);
            foreach ((_, IPageMap map) in maps)
            {
                map.TryMap(iova, 3);
            }
        }

        List<Variant> variants = [PairTargets.ChurnOf(ours), .. maps.Select(item => Churn(item.Name, item.Map))];
        if (radix is not null && tree is not null)
        {
            variants.InsertRange(1, [radix.Churn, tree.Churn]);
        }

        return Rows(Pair, settings, variants);
    }

    private static CompetitorRow[] Rows(string work, BenchSettings settings, List<Variant> variants)
    {
        Rounds rounds = Rounds.Run(settings.Rounds, [.. variants]);
        return [.. variants.Select((variant, i) => new CompetitorRow(variant.Name, work, rounds.Nanoseconds(i), rounds.Ratio(i, 0)))];
    }

    private static (string Name, IPageMap Map)[] New() =>
    [
        ("4-level radix, C# on the heap (the tests' oracle)", new TableMap(new RadixPageTable(48, true, Quantity.PageSize))),
        ("hash per page, Dictionary", new HashMap()),
        ("interval tree, C#", new IntervalTree()),
        ("sorted dictionary, SortedDictionary", new SortedMap()),
    ];

    private static ulong[] ShuffledPages()
    {
        ulong[] pages = [.. Enumerable.Range(0, (int)(GiB >> 12)).Select(i => (ulong)i << 12)];
        new Random(3).Shuffle(pages);
        return pages;
    }

    private static Variant Walk(string name, IPageMap map, AddressQueries queries) => new(name, () =>
    {
        Span<ulong> window = queries.Window(Batches * AddressQueries.Batch);
        ulong[] words = queries.Words;
        long start = ThreadTime.Nanoseconds;
        for (int i = 0; i < window.Length; i++)
        {
            words[i % AddressQueries.Batch] = map.Translate(window[i]);
        }

        long nanoseconds = ThreadTime.Nanoseconds - start;
        return words.Contains(TranslatedWord.Fault) ? throw new InvalidOperationException($"{name} lost a page.") : (double)nanoseconds / window.Length;
    });

    private static Variant Churn(string name, IPageMap map) => new(name, () =>
    {
        ulong[] ring = ChurnRing.Iovas;
        bool mapped = true;
        long start = ThreadTime.Nanoseconds;
        for (int i = 0, at = 0; i < ChurnRing.Pairs; i++, at = at + 1 == ring.Length ? 0 : at + 1)
        {
            map.Unmap(ring[at]);
            mapped &= map.TryMap(ring[at], ((ulong)i << 12) | 3);
        }

        long nanoseconds = ThreadTime.Nanoseconds - start;
        return mapped ? (double)nanoseconds / ChurnRing.Pairs : throw new InvalidOperationException($"{name} kept a page.");
    });
}
