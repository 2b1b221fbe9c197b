// Tells on standard error how far a search is, if it takes longer than two seconds; used by ExploreSession.
using System.Diagnostics;
using System.Globalization;
using IoasidGrains.Core;

namespace IoasidGrains.Console;

/// <summary>One line that is written over if a person watches; else a line now and then.</summary>
internal sealed class ExploreProgress(Terminal terminal, Search search, Profile profile)
{
    private static readonly TimeSpan Silent = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Watched = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Unwatched = TimeSpan.FromSeconds(10);

    private readonly long _start = Stopwatch.GetTimestamp();

    public async Task Show(CancellationToken over)
    {
        bool shown = false;
        await Task.Delay(Silent, over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!over.IsCancellationRequested)
        {
            terminal.Error.Write(terminal.ShowsProgress ? $"\r{Line}\u001b[K" : Line + "\n");
            shown = true;
            await Task.Delay(terminal.ShowsProgress ? Watched : Unwatched, over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (shown && terminal.ShowsProgress)
        {
            terminal.Error.Write("\r\u001b[K");
        }
    }

    private string Line => string.Create(
        CultureInfo.InvariantCulture,
        $"{profile.Name}: depth {search.Level}, {search.States} states, {search.Histories} histories, {Stopwatch.GetElapsedTime(_start).TotalSeconds:f0} s");
}
