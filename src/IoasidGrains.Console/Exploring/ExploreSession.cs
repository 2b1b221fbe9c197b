// Searches one profile after the other and writes the counterexamples; used by ExploreVerb.
using System.Diagnostics;
using IoasidGrains.Core;

namespace IoasidGrains.Console;

/// <summary>One profile at a time has all cores: its result is there before the next one begins.</summary>
internal sealed class ExploreSession(ExploreChoice choice, Terminal terminal)
{
    private readonly CounterexampleFlow _flows = new(choice.Out, choice.Topology);

    /// <summary>The results, each as soon as it is known; it ends with the first that was stopped.</summary>
    public async IAsyncEnumerable<ExploredProfile> Run([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        foreach (Profile profile in choice.Profiles)
        {
            _flows.CheckFree(profile);
        }

        foreach (Profile profile in choice.Profiles)
        {
            ExploredProfile explored = await Explore(profile, stop);
            yield return explored;
            if (explored.Search.End == SearchEnd.Stopped)
            {
                yield break;
            }
        }
    }

    private async Task<ExploredProfile> Explore(Profile profile, CancellationToken stop)
    {
        long start = Stopwatch.GetTimestamp();
        double first = double.PositiveInfinity;
        var found = new Lock();
        var search = new Search(choice.Topology, profile, Environment.ProcessorCount, choice.Memory)
        {
            Seen = _ =>
            {
                lock (found)
                {
                    first = Math.Min(first, Stopwatch.GetElapsedTime(start).TotalSeconds);
                }
            },
        };
        using var over = new CancellationTokenSource();
        Task progress = new ExploreProgress(terminal, search, profile).Show(over.Token);
        SearchResult result;
        try
        {
            result = await Task.Run(() => search.Run(choice.Depth, stop), CancellationToken.None);
        }
        finally
        {
            await over.CancelAsync();
            await progress;
        }

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new ExploredProfile(
            result, seconds, double.IsFinite(first) ? first : null, result.Broken.ToDictionary(broken => broken.Check, broken => _flows.Write(profile, broken)));
    }
}
