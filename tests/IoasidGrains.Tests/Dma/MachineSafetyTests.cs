// Searches schedules, faults and losses for an access that reaches a page after its UNMAP was answered, and for a write that no dirty bitmap tells.
using System.Collections.Concurrent;
using Xunit.Abstractions;

namespace IoasidGrains.Tests;

public sealed class MachineSafetyTests(ITestOutputHelper output)
{
    private const int LinesShown = 400;

    /// <summary>A few seconds; minutes if the stress suite is asked for.</summary>
    private static readonly int Seeds = Environment.GetEnvironmentVariable("IOASID_STRESS") == "1" ? 100_000 : 1500;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void UnmappedPage_IsReachedByNoDevice_AndNoWriteIsForgotten(bool apart)
    {
        var failing = new ConcurrentBag<ulong>();
        Parallel.For(1, Seeds + 1, seed =>
        {
            if (SafetyRun.Play(SafetyPlan.Make((ulong)seed, apart)) is not null)
            {
                failing.Add((ulong)seed);
            }
        });
        output.WriteLine($"{failing.Count} of {Seeds} histories failed");
        Assert.True(failing.IsEmpty, failing.IsEmpty ? "" : Explain(SafetyPlan.Make(failing.Min(), apart)));
    }

    /// <summary>The shortest plan that still fails under the same schedule seed, and what happened in it.</summary>
    private static string Explain(SafetyPlan plan)
    {
        List<SafetyAction> shortest = ShortestHistory.Of(plan.Actions, actions => SafetyRun.Play(plan with { Actions = actions }) is not null);
        plan = plan with { Actions = shortest };
        if (plan.Fault is not null && SafetyRun.Play(plan with { Fault = null }) is not null)
        {
            plan = plan with { Fault = null };
        }

        List<string> trace = [];
        string? broken = SafetyRun.Play(plan, trace);
        return $"seed {plan.Seed}, apart {plan.Apart}, fault {plan.Fault}: {broken ?? "not when run again: the Machine is not deterministic"}\n"
            + $"{string.Join('\n', plan.Actions)}\n{string.Join('\n', trace.TakeLast(LinesShown))}";
    }
}
