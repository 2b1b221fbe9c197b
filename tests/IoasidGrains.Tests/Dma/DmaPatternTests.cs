// What every pattern of a workload keeps, and the shape of each of them.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class DmaPatternTests
{
    private const ulong Base = 4UL << 30;
    private const ulong MiB = 1UL << 20;
    private const ulong GiB = 1UL << 30;

    private static readonly DmaPattern[] OwnAddresses = [.. Enum.GetValues<DmaPattern>().Where(pattern => pattern != DmaPattern.Trace)];

    public static TheoryData<DmaPattern, ulong, ulong, int> Windows
    {
        get
        {
            var rows = new TheoryData<DmaPattern, ulong, ulong, int>();
            foreach (DmaPattern pattern in OwnAddresses)
            {
                foreach (int depth in new[] { 0, 1, 3, 127, 128, 129, DmaWorkload.MaxDepth })
                {
                    rows.Add(pattern, 0, DmaWorkload.MinWindow, depth);
                    rows.Add(pattern, Base, DmaWorkload.MinWindow + 1, depth);
                    rows.Add(pattern, Base, DmaWorkload.MinWindow + Quantity.PageSize - 1, depth);
                    rows.Add(pattern, Base, 4 * MiB, depth);
                    rows.Add(pattern, Base, 64 * GiB, depth);
                    rows.Add(pattern, (1UL << 57) - (2 * MiB), 2 * MiB, depth);
                    rows.Add(pattern, (1UL << 57) - (64 * GiB), 64 * GiB, depth);
                    rows.Add(pattern, 0, 1UL << 57, depth);
                    rows.Add(pattern, 0, 0, depth); // the whole 2^64
                }
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Windows))]
    public void Pattern_AnyWindowAndDepth_StaysInsideAndInItsPages(DmaPattern pattern, ulong start, ulong length, int depth) =>
        CheckBursts(new DmaWorkload(pattern, new IovaRange(start, start + (length - 1)), 1, 7) { Depth = depth }, bursts: 200);

    [Fact]
    public void Pattern_RandomWindows_StaysInsideAndInItsPages()
    {
        for (int seed = 1; seed <= 400; seed++)
        {
            var random = new Random(seed);
            ulong start = (ulong)random.NextInt64(1L << 44) * Quantity.PageSize;
            ulong length = DmaWorkload.MinWindow + (ulong)random.NextInt64(1L << random.Next(1, 50));
            var window = new IovaRange(start, start + (length - 1));
            foreach (DmaPattern pattern in OwnAddresses)
            {
                CheckBursts(new DmaWorkload(pattern, window, 1, (ulong)seed) { Depth = random.Next(DmaWorkload.MaxDepth + 1) }, bursts: 20);
            }
        }
    }

    [Fact]
    public void Pattern_EqualWorkloads_MakeEqualSequences()
    {
        foreach (DmaWorkload workload in AllPatterns())
        {
            Assert.Equal(Accesses(workload, 50), Accesses(workload, 50));
        }
    }

    [Theory]
    [InlineData(DmaPattern.NvmeRandom)]
    [InlineData(DmaPattern.VirtioHugePages)]
    [InlineData(DmaPattern.UniformRandom)]
    public void Pattern_AnotherSeed_MakesAnotherSequence(DmaPattern pattern)
    {
        DmaWorkload workload = Workload(pattern, 64 * GiB);

        Assert.NotEqual(Accesses(workload, 50), Accesses(workload with { Seed = workload.Seed + 1 }, 50));
    }

    [Fact]
    public void Next_AllocatesNothing()
    {
        var iovas = new ulong[DmaSource.MaxBurst];
        var lengths = new int[DmaSource.MaxBurst];
        foreach (DmaWorkload workload in AllPatterns())
        {
            DmaSource source = DmaSources.Create(workload);
            for (int warm = 0; warm < 100; warm++)
            {
                source.Next(iovas, lengths);
            }

            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int burst = 0; burst < 1000; burst++)
            {
                source.Next(iovas, lengths);
            }

            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    [Fact]
    public void NicRing_APacket_TakesItsBufferAndItsDescriptorReadAndWritten()
    {
        const int rounds = 40;
        Access[] accesses = Accesses(Workload(DmaPattern.NicRing, 64 * GiB), 4 * rounds);
        const int packets = 8 * 64 * rounds;

        Assert.Equal(packets, accesses.Count(access => access.Length == 2048));
        Assert.Equal(packets / 2, accesses.Count(access => access is { Length: 2048, Kind: DmaAccess.Write }));
        Assert.Equal(packets, accesses.Count(access => access is { Length: 64, Kind: DmaAccess.Read }));
        Assert.Equal(packets, accesses.Count(access => access is { Length: 64, Kind: DmaAccess.Write }));
        Assert.Equal(8 * 512, accesses.Where(access => access.Length == 2048).Select(access => access.Iova).Distinct().Count());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(32)]
    [InlineData(600)]
    public void Nvme_ARound_ReadsEntriesAndListsThenMovesDataThenCompletes(int depth)
    {
        DmaSource source = DmaSources.Create(Workload(DmaPattern.NvmeRandom, GiB) with { Depth = depth });
        for (int round = 0; round < 20; round++)
        {
            (int submissions, int completions, long listed, long pages, int small) = RoundOf(source, depth);

            Assert.Equal((depth, depth), (submissions, completions));
            Assert.InRange(pages, depth, depth * 32L);

            // A list names all pages of an I/O but the first; an I/O of one or two pages has none.
            Assert.InRange(pages - listed, depth, 2L * depth);
            Assert.Equal(0, small);
        }
    }

    [Fact]
    public void Virtio_Data_IsInTheHotRegionsNineteenTimesOfTwenty()
    {
        Access[] data = [.. Accesses(Workload(DmaPattern.VirtioHugePages, 64 * GiB), 4000).Where(access => access.Length == 4096)];
        int[] perRegion = [.. data.GroupBy(access => access.Iova / (2 * MiB)).Select(region => region.Count()).OrderDescending()];

        // 2048 draws of 32767 regions meet now and then; the cold accesses are spread over all.
        double hot = perRegion.Take(2048).Sum() / (double)data.Length;
        Assert.InRange(hot, 0.94, 0.97);
        Assert.InRange(data.Count(access => access.Kind == DmaAccess.Write) / (double)data.Length, 0.49, 0.51);
    }

    [Fact]
    public void Uniform_Bursts_AlternateBetweenWritesAndReads()
    {
        DmaSource source = DmaSources.Create(Workload(DmaPattern.UniformRandom, 64 * GiB));
        var iovas = new ulong[DmaSource.MaxBurst];
        var lengths = new int[DmaSource.MaxBurst];

        DmaAccess[] kinds = [.. Enumerable.Range(0, 4).Select(_ => source.Next(iovas, lengths).Access)];

        Assert.Equal([DmaAccess.Write, DmaAccess.Read, DmaAccess.Write, DmaAccess.Read], kinds);
    }

    [Fact]
    public void Trace_IsReplayedInItsOrder_AgainAndAgain()
    {
        var trace = new DmaTrace([0x1000, 0x2ff0, 0x5000, 0x6000], [64, 0x20, 4096, 1], [false, false, true, false]);
        Access[] once =
        [
            new(0x1000, 64, DmaAccess.Read), new(0x2ff0, 0x10, DmaAccess.Read), new(0x3000, 0x10, DmaAccess.Read),
            new(0x5000, 4096, DmaAccess.Write), new(0x6000, 1, DmaAccess.Read),
        ];

        Access[] replayed = Accesses(Replay(trace), 5);

        Assert.Equal([.. once, .. once[..^1]], replayed[..9]);
    }

    [Fact]
    public void Trace_AnAccessThatDoesNotFit_BeginsTheNextBurst()
    {
        int[] lengths = [.. Enumerable.Repeat(DeviceDma.MaxLength, 40)];
        DmaSource source = DmaSources.Create(Replay(new DmaTrace([.. lengths.Select(_ => 0x1800UL)], lengths, new bool[40])));

        DmaBurst burst = source.Next(new ulong[DmaSource.MaxBurst], new int[DmaSource.MaxBurst]);

        // 64 KiB from the middle of a page touch 17 pages; 30 times 17 is 510.
        Assert.Equal(new DmaBurst(510, DmaAccess.Read, 30), burst);
    }

    [Fact]
    public void Trace_ByteAtTheEndOfTheAddresses_IsOnePage()
    {
        Access[] accesses = Accesses(Replay(new DmaTrace([ulong.MaxValue - 4095], [4096], [true])), 1);

        Assert.All(accesses, access => Assert.Equal(new Access(ulong.MaxValue - 4095, 4096, DmaAccess.Write), access));
        Assert.Equal(DmaSource.MaxBurst, accesses.Length);
    }

    private static DmaWorkload Workload(DmaPattern pattern, ulong size) => new(pattern, new IovaRange(Base, Base + (size - 1)), 1, 42);

    private static DmaWorkload Replay(DmaTrace trace) => new(DmaPattern.Trace, default, 1, 1) { Trace = trace };

    private static DmaWorkload[] AllPatterns() =>
    [
        .. OwnAddresses.Select(pattern => Workload(pattern, 64 * GiB)),
        Replay(new DmaTrace([0x1000, 0x2ff0, 0x5000], [64, 65536, 4096], [false, true, true])),
    ];

    private static void CheckBursts(DmaWorkload workload, int bursts)
    {
        Assert.Equal(Errno.OK, workload.Check());
        DmaSource source = DmaSources.Create(workload);
        var iovas = new ulong[DmaSource.MaxBurst];
        var lengths = new int[DmaSource.MaxBurst];
        for (int burst = 0; burst < bursts; burst++)
        {
            DmaBurst next = source.Next(iovas, lengths);
            bool sound = next.Count is >= 1 and <= DmaSource.MaxBurst && next.Accesses >= 1 && next.Accesses <= next.Count
                && next.Access is DmaAccess.Read or DmaAccess.Write;
            if (!sound)
            {
                Assert.Fail($"{workload}, burst {burst}: {next}");
            }

            for (int i = 0; i < next.Count; i++)
            {
                ulong last = iovas[i] + (ulong)(lengths[i] - 1);
                bool inside = lengths[i] >= 1 && last >= iovas[i] && workload.Window.Contains(new IovaRange(iovas[i], last));
                if (!inside || last / Quantity.PageSize != iovas[i] / Quantity.PageSize)
                {
                    Assert.Fail($"{workload}, burst {burst}, {i}: 0x{iovas[i]:x}+{lengths[i]}");
                }
            }
        }
    }

    private static Access[] Accesses(DmaWorkload workload, int bursts)
    {
        DmaSource source = DmaSources.Create(workload);
        var iovas = new ulong[DmaSource.MaxBurst];
        var lengths = new int[DmaSource.MaxBurst];
        var accesses = new List<Access>();
        for (int burst = 0; burst < bursts; burst++)
        {
            DmaBurst next = source.Next(iovas, lengths);
            accesses.AddRange(Enumerable.Range(0, next.Count).Select(i => new Access(iovas[i], lengths[i], next.Access)));
        }

        return [.. accesses];
    }

    /// <summary>Up to the last completion entry: how many of each kind, pages in lists, pages of data, and lists that need not be.</summary>
    private static (int Submissions, int Completions, long Listed, long Pages, int Needless) RoundOf(DmaSource source, int depth)
    {
        (int submissions, int completions, long listed, long pages, int needless) = (0, 0, 0, 0, 0);
        var iovas = new ulong[DmaSource.MaxBurst];
        var lengths = new int[DmaSource.MaxBurst];
        ulong queues = Base + ((ulong)depth * 256);
        while (completions < depth)
        {
            DmaBurst burst = source.Next(iovas, lengths);
            for (int i = 0; i < burst.Count; i++)
            {
                bool isList = lengths[i] < 4096 && iovas[i] < queues;
                submissions += lengths[i] == 64 && !isList ? 1 : 0;
                completions += lengths[i] == 16 ? 1 : 0;
                pages += lengths[i] == 4096 ? 1 : 0;
                listed += isList ? lengths[i] / 8 : 0;
                needless += isList && lengths[i] <= 8 ? 1 : 0;
            }
        }

        return (submissions, completions, listed, pages, needless);
    }

    private readonly record struct Access(ulong Iova, int Length, DmaAccess Kind);
}
