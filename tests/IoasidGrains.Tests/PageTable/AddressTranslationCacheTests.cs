// A device's cache of translations, one step after the other: misses, fills, holes, invalidation, what is dropped when it is full.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

public sealed class AddressTranslationCacheTests
{
    private const ulong P = 4096, M = 1UL << 20, G = 1UL << 30, Slot = 2 * M;

    private readonly AddressTranslationCache _cache = new(512, 512);
    private readonly ulong[] _words = new ulong[512];
    private readonly ulong[] _missing = new ulong[512];

    [Fact]
    public void Miss_IsListedOnce_AndIsNoFault()
    {
        ulong[] iovas = [0, P, Slot, 0, 5 * Slot + 3];

        var (faults, missing) = Translate(iovas, DmaAccess.Read);

        Assert.Equal(0, faults);
        Assert.Equal([0UL, 1, 5], missing);
        Assert.All(_words[..5], word => Assert.Equal(TranslatedWord.Fault, word));
        Assert.Equal((5, 0), (_cache.Lookups, _cache.Hits));
    }

    /// <summary>Entries as domain 6.1 draws them: a page of 2 MiB for reading with SNP, and a leaf table of one page for writing.</summary>
    [Fact]
    public void Filled_TranslatesAsTheTableWould()
    {
        Fill(7, 64 * M + 0x881, []);
        Fill(8, 3, Leaf(1, 5 * P + 2));

        AssertTranslates(0, [], [7 * Slot + 4095], DmaAccess.Read);
        Assert.Equal((64 * M + 4095) | 1UL << 63, _words[0]);
        AssertTranslates(0, [], [8 * Slot + P + 9], DmaAccess.Write);
        Assert.Equal(5 * P + 9, _words[0]);
        AssertTranslates(3, [], [7 * Slot, 8 * Slot + P, 7 * Slot], DmaAccess.ReadWrite);
        AssertTranslates(1, [], [7 * Slot], DmaAccess.Read, snoopControl: false);
        Assert.Equal((6, 6), (_cache.Lookups, _cache.Hits));
    }

    [Fact]
    public void FaultOf_SaysWhichFaultItWas()
    {
        Fill(7, 64 * M + 0x881, []);
        Fill(8, 3, Leaf(1, 5 * P + 2));

        _cache.Enter();
        Assert.Equal(DmaFault.NoWrite, _cache.FaultOf(7 * Slot, DmaAccess.Write, true));
        Assert.Equal(DmaFault.ReservedBits, _cache.FaultOf(7 * Slot, DmaAccess.Read, false));
        Assert.Equal(DmaFault.NoRead, _cache.FaultOf(8 * Slot + P, DmaAccess.Read, true));
        Assert.Equal(DmaFault.NoRead, _cache.FaultOf(8 * Slot, DmaAccess.Read, true));
        Assert.Equal(DmaFault.None, _cache.FaultOf(8 * Slot + P, DmaAccess.Write, true));
        _cache.Leave();
    }

    /// <summary>Mapping invalidates nothing, so a hole is a fault once and then is asked for again.</summary>
    [Fact]
    public void Hole_IsAFaultInTheNextSection_AndThenAMiss()
    {
        Fill(1, 0, []);
        Fill(2, 3, Leaf(0, 3));

        AssertTranslates(2, [], [Slot, 2 * Slot + P], DmaAccess.Read);
        AssertTranslates(0, [1UL, 2UL], [Slot, 2 * Slot + P, 2 * Slot], DmaAccess.Read);
        AssertTranslates(0, [], [2 * Slot], DmaAccess.Read);
    }

    /// <summary>More is missing than is fetched at once: what was fetched first still counts when the rest has come.</summary>
    [Fact]
    public void Hole_CountsUntilASectionMissesNothing()
    {
        Fill(1, 0, []);
        AssertTranslates(1, [3UL], [Slot, 3 * Slot], DmaAccess.Read);
        Fill(3, 0, []);

        AssertTranslates(2, [], [Slot, 3 * Slot], DmaAccess.Read);
        AssertTranslates(0, [1UL], [Slot], DmaAccess.Read);
    }

    [Fact]
    public void Fill_FromBeforeAnInvalidation_IsDropped()
    {
        long asked = _cache.Generation;
        _cache.Invalidate([new IovaRange(G, 2 * G - 1)]);

        Assert.False(_cache.TryFill(asked, 7, 64 * M + 0x83, []));
        AssertTranslates(0, [7UL], [7 * Slot], DmaAccess.Read);
        Assert.True(_cache.TryFill(_cache.Generation, 7, 64 * M + 0x83, []));
        AssertTranslates(0, [], [7 * Slot], DmaAccess.Read);
    }

    [Fact]
    public void Fill_InASection_Throws()
    {
        _cache.Enter();

        Assert.Throws<InvalidOperationException>(() => _cache.TryFill(_cache.Generation, 7, 64 * M + 0x83, []));
        Assert.Throws<InvalidOperationException>(() => _cache.Enter());
        _cache.Leave();
        Assert.Throws<InvalidOperationException>(() => _cache.Translate([0], _words, DmaAccess.Read, true, _missing, out _));
    }

    /// <summary>An invalidated range (in pages); which of pages 511, 512, 1023, 1024 and 2048 (of slots 0, 1, 1, 2 and a page of 2 MiB) are gone.</summary>
    [Theory]
    [InlineData(511, 511, new[] { 511 })]
    [InlineData(512, 512, new[] { 512 })]
    [InlineData(513, 1022, new int[0])]
    [InlineData(511, 1024, new[] { 511, 512, 1023, 1024 })]
    [InlineData(512, 1023, new[] { 512, 1023 })]
    [InlineData(2048, 2048, new[] { 2048 })]
    [InlineData(1025, 1 << 30, new[] { 2048 })]
    [InlineData(0, 1 << 30, new[] { 511, 512, 1023, 1024, 2048 })]
    public void Invalidate_ForgetsThePagesOfItsRange(int first, int last, int[] gone)
    {
        int[] pages = [511, 512, 1023, 1024, 2048];
        ulong[] leaf = [.. Enumerable.Range(0, 512).Select(i => (ulong)(i + 1) * P + 3)];
        Fill(0, 3, leaf);
        Fill(1, 3, leaf);
        Fill(2, 3, leaf);
        Fill(4, 64 * M + 0x83, []);
        AssertTranslates(0, [], [0], DmaAccess.Read);

        _cache.Invalidate([new IovaRange((ulong)first * P, ((ulong)last + 1) * P - 1)]);

        foreach (int page in pages)
        {
            var (faults, missing) = Translate([(ulong)page * P], DmaAccess.Read);
            Assert.Equal(0, faults);
            Assert.Equal(gone.Contains(page) ? [(ulong)page / 512] : [], missing);
        }
    }

    [Fact]
    public void Invalidate_IsComplete_WhenOlderSectionsAreOver()
    {
        _cache.Enter();
        long epoch = _cache.InvalidateAll();
        Assert.False(_cache.HasPassed(epoch));
        _cache.Leave();
        Assert.True(_cache.HasPassed(epoch));
        _cache.Enter();
        Assert.True(_cache.HasPassed(epoch));
        _cache.Leave();
    }

    /// <summary>512 slots with the same index, in a cache of 512: whatever a section needs fits, so that it misses nothing when all has come.</summary>
    [Fact]
    public void SlotsThatMeet_AreHeldTogether()
    {
        for (ulong round = 0; round < 3; round++)
        {
            ulong[] iovas = [.. Enumerable.Range(0, 512).Select(i => ((ulong)i + round * 512) * 512 * Slot)];
            Assert.Equal(512, Translate(iovas, DmaAccess.Read).Missing.Length);
            for (int i = 0; i < iovas.Length; i++)
            {
                Fill(iovas[i] / Slot, 3, Leaf(0, ((ulong)i << 20) + 3));
            }

            AssertTranslates(0, [], iovas, DmaAccess.Write);
            Assert.Equal(Enumerable.Range(0, 512).Select(i => (ulong)i << 20), _words);
        }
    }

    [Fact]
    public void SteadyState_AllocatesNothing()
    {
        ulong[] iovas = [0, Slot, 40 * G, 80 * G];
        ulong[] leaf = Leaf(0, 3);
        IovaRange[] ranges = [new(0, P - 1), new(40 * G, 41 * G - 1)];
        for (int round = 0; round < 3; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();

            long generation = _cache.Generation;
            foreach (ulong iova in iovas)
            {
                _cache.TryFill(generation, iova / Slot, 3, leaf);
            }

            _cache.Enter();
            _cache.Translate(iovas, _words, DmaAccess.Read, true, _missing, out _);
            _cache.Leave();
            _cache.HasPassed(_cache.Invalidate(ranges));
            _cache.InvalidateAll();

            // The first round takes memory.
            Assert.True(round == 0 || GC.GetAllocatedBytesForCurrentThread() == before, $"round {round}");
        }
    }

    private (int Faults, ulong[] Missing) Translate(ulong[] iovas, DmaAccess need, bool snoopControl = true)
    {
        _cache.Enter();
        int faults = _cache.Translate(iovas, _words, need, snoopControl, _missing, out int missing);
        _cache.Leave();
        return (faults, _missing[..missing]);
    }

    private void AssertTranslates(int faults, ulong[] missing, ulong[] iovas, DmaAccess need, bool snoopControl = true)
    {
        var found = Translate(iovas, need, snoopControl);
        Assert.Equal(faults, found.Faults);
        Assert.Equal(missing, found.Missing);
    }

    private void Fill(ulong slot, ulong entry, ulong[] leaf) => Assert.True(_cache.TryFill(_cache.Generation, slot, entry, leaf));

    private static ulong[] Leaf(int index, ulong entry)
    {
        var leaf = new ulong[512];
        leaf[index] = entry;
        return leaf;
    }
}
