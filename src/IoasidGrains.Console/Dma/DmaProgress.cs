// Tells on standard error how far the workloads are while they run; used by DmaSession.
using System.Diagnostics;
using System.Globalization;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>One line that is written over if a person watches; else a line now and then.</summary>
/// <param name="reports">The last report of each device.</param>
/// <param name="churned">Maps and unmaps so far; null without churn.</param>
internal sealed class DmaProgress(Terminal terminal, DmaChoice choice, Func<IReadOnlyList<DmaReport>> reports, Func<long?> churned)
{
    private static readonly TimeSpan Watched = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Unwatched = TimeSpan.FromSeconds(2);

    private readonly long _start = Stopwatch.GetTimestamp();
    private long _before;
    private TimeSpan _at;

    public async Task Show(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await Task.Delay(terminal.ShowsProgress ? Watched : Unwatched, over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!over.IsCancellationRequested)
            {
                Write(Line(Stopwatch.GetElapsedTime(_start)));
            }
        }

        if (terminal.ShowsProgress)
        {
            terminal.Error.Write("\r\u001b[K");
        }
    }

    private void Write(string line)
    {
        if (terminal.ShowsProgress)
        {
            terminal.Error.Write($"\r{line}\u001b[K");
            return;
        }

        terminal.Error.WriteLine(line);
    }

    private string Line(TimeSpan now)
    {
        IReadOnlyList<DmaReport> all = reports();
        long translations = all.Sum(report => report.Translations);
        double rate = Math.Max(0, translations - _before) / (now - _at).TotalSeconds / 1e6;
        (_before, _at) = (translations, now);
        string goal = choice.Accesses is { } each
            ? $"{100.0 * all.Sum(report => report.Accesses) / ((double)each * choice.Devices):f0} %"
            : $"{now.TotalSeconds:f1} of {choice.Time.TotalSeconds:0.#} s";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{choice.Workload}: {goal}, {translations / 1e6:f1} M translations, {rate:f1} M/s, {all.Sum(report => report.Faulted)} faults")
            + (churned() is { } operations ? $", {operations} maps and unmaps" : "");
    }
}
