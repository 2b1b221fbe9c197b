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
                Write(Parts(Stopwatch.GetElapsedTime(_start)));
            }
        }

        if (terminal.ShowsProgress)
        {
            terminal.Error.Write("\r\u001b[K");
        }
    }

    /// <summary>As much of a line as fits; its last column stays free, or the terminal goes on to the next line.</summary>
    internal static string Fit(string[] parts, int columns)
    {
        int most = Math.Max(1, columns - 1);
        int kept = parts.Length;
        while (kept > 1 && string.Join(", ", parts[..kept]).Length > most)
        {
            kept--;
        }

        string line = string.Join(", ", parts[..kept]);
        return line.Length > most ? line[..most] : line;
    }

    private void Write(string[] parts)
    {
        if (terminal.ShowsProgress)
        {
            terminal.Error.Write($"\r{Fit(parts, terminal.Columns())}\u001b[K");
            return;
        }

        terminal.Error.WriteLine(string.Join(", ", parts));
    }

    /// <summary>What matters most comes first.</summary>
    private string[] Parts(TimeSpan now)
    {
        IReadOnlyList<DmaReport> all = reports();
        long translations = all.Sum(report => report.Translations);
        double rate = Math.Max(0, translations - _before) / (now - _at).TotalSeconds / 1e6;
        (_before, _at) = (translations, now);
        string goal = choice.Accesses is { } each
            ? string.Create(CultureInfo.InvariantCulture, $"{100 * all.Average(report => Math.Min(1, report.Accesses / (double)each)):f0} %")
            : string.Create(CultureInfo.InvariantCulture, $"{now.TotalSeconds:f1} of {choice.Time.TotalSeconds:0.#} s");
        string[] counts =
        [
            string.Create(CultureInfo.InvariantCulture, $"{choice.Workload}: {goal}"),
            string.Create(CultureInfo.InvariantCulture, $"{rate:f1} M/s"),
            string.Create(CultureInfo.InvariantCulture, $"{translations / 1e6:f1} M translations"),
        ];
        string faults = $"{all.Sum(report => report.Faulted)} faults";
        return churned() is { } operations ? [.. counts, $"{operations} maps and unmaps", faults] : [.. counts, faults];
    }
}
