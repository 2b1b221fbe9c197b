// Readers on other threads while pages are unmapped and given to others: no reader may reach a frame after the unmap's answer.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

/// <summary>200,000 unmaps by default; 10,000,000 with IOASID_STRESS=1.</summary>
public sealed class ReaderStressTests
{
    private const int Readers = 2;

    private static readonly long Unmaps = Environment.GetEnvironmentVariable("IOASID_STRESS") == "1" ? 10_000_000 : 200_000;

    [Fact]
    public void Readers_ReachNoFrame_AfterTheUnmapsAnswer()
    {
        using var frames = new StampedFrames(seed: 1, Readers);
        Action[] threads = [.. Enumerable.Range(0, Readers).Select(i => (Action)(() => frames.ReadTable(seed: i)))];

        frames.Run(threads, Unmaps, beforeAnswer: _ => { });

        Assert.True(frames.Seen > Unmaps / 10, $"only {frames.Seen} translations were looked at");
        frames.Table.CheckAll();
    }

    [Fact]
    public void ReadersThroughCaches_ReachNoFrame_AfterTheUnmapsAnswer()
    {
        using var frames = new StampedFrames(seed: 2, Readers);
        AddressTranslationCache[] caches = [.. Enumerable.Range(0, Readers).Select(_ => new AddressTranslationCache())];
        Action[] threads = [.. caches.Select((cache, i) => (Action)(() => frames.ReadThrough(cache, seed: i)))];

        frames.Run(threads, Unmaps, beforeAnswer: ranges =>
        {
            long[] epochs = [.. caches.Select(cache => cache.Invalidate(ranges))];
            for (int i = 0; i < Readers; i++)
            {
                while (!caches[i].HasPassed(epochs[i]) && !frames.IsOver)
                {
                    Thread.Yield();
                }
            }
        });

        Assert.True(frames.Seen > Unmaps / 10, $"only {frames.Seen} translations were looked at");
        Assert.True(caches.Sum(cache => cache.Hits) > 0, "nothing was found in a cache");
    }
}
