// Who is next in the line of runs, and how many threads it asks for.
using IoasidGrains.Core;
using IoasidGrains.Grains;

namespace IoasidGrains.Tests;

public sealed class RunLineTests
{
    [Fact]
    public void Line_AsksForNoMoreThreadsThanItMayHave()
    {
        var line = new RunLine(2);

        Assert.Equal([true, true, false], Runs(3).Select(run => line.Add(new WaitingRun(run))));
    }

    [Fact]
    public void RunThatGoesOn_StandsBehindTheOthers()
    {
        var line = new RunLine(1);
        DmaRun[] runs = Runs(3);
        Array.ForEach(runs, run => line.Add(new WaitingRun(run)));

        var order = new List<DmaRun?> { line.Next(null)?.Run };
        for (int i = 0; i < 5; i++)
        {
            order.Add(line.Next(order[^1])?.Run);
        }

        Assert.Equal([.. runs, .. runs], order);
    }

    [Fact]
    public void RunInItsSection_GoesFirst_AndTheOthersHearOfIt()
    {
        var line = new RunLine(1);
        DmaRun[] others = Runs(3);
        Array.ForEach(others, run => line.Add(new WaitingRun(run)));
        DmaRun inSection = RunBed.Create(9, 1000, watchFreed: true);
        Assert.Equal(DmaPoint.Asks, inSection.Next());
        inSection.Take(RunBed.Fetched(inSection.Message!));
        Assert.Equal([DmaPoint.Translated, DmaPoint.Asks], [inSection.Next(), inSection.Next()]);
        Assert.IsType<FindFreedPages>(inSection.Message);
        Assert.False(line.IsPressing);

        var answered = new WaitingRun(inSection, IsAnswered: true, Reply.With(new FreedPagesFound(0, -1)));
        line.Add(answered);

        Assert.True(line.IsPressing);
        Assert.Equal(answered, line.Next(null));
        Assert.False(line.IsPressing);
        Assert.Same(others[0], line.Next(null)?.Run);
    }

    private static DmaRun[] Runs(int count) => [.. Enumerable.Range(1, count).Select(number => RunBed.Create(number, 1000))];
}
