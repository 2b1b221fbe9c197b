// The benchmark `targets`: T1 to T18, other structures beside ours, and memory; in one process, in one run.
namespace IoasidGrains.Benchmarks;

/// <summary>Runs what was asked for. Progress goes to standard error.</summary>
internal static class TargetsBenchmark
{
    private static readonly (string Id, Func<BenchSettings, CReference?, TargetRow[]> Run)[] Groups =
    [
        ("T1", WalkTargets.Random1GiB),
        ("T2", WalkTargets.Random64GiB),
        ("T3", WalkTargets.Random1TiB),
        ("T4", WalkTargets.Streaming),
        ("T5", WalkTargets.OneAtATime),
        ("T6", WalkTargets.LargePages),
        ("T7", MapTargets.Small1GiB),
        ("T8", MapTargets.Large1GiB),
        ("T9", MapTargets.Unmap1GiB),
        ("T10", MapTargets.Map64GiB),
        ("T11", PairTargets.PerCall),
        ("T12", MapTargets.Cold1GiB),
        ("T13", (_, _) => MemoryTargets.PerGiB()),
        ("T14", (settings, _) => ReaderTargets.Epochs(settings)),
        ("T15", (settings, _) => ReaderTargets.Completion(settings)),
        ("T16", PairTargets.Churn),
        ("T17", (settings, _) => DirtyTargets.Run(settings)),
        ("T18", (settings, _) => CalmTargets.Run(settings)),
    ];

    public static bool IsKnown(string id) => Groups.Any(group => group.Id == id);

    public static async Task<TargetReport> Run(BenchSettings settings)
    {
        CReference? c = CReference.TryLoad();
        var targets = new List<TargetRow>();
        foreach (var group in Groups.Where(group => settings.Only.Length == 0 || settings.Only.Contains(group.Id)))
        {
            Tell(group.Id);
            targets.AddRange(group.Run(settings, c));
        }

        string machine = MachineFacts.Line(hasC: c is not null);
        if (settings.Only.Length > 0)
        {
            return new TargetReport(targets, [], [], machine);
        }

        Tell("other structures, and memory");
        CompetitorRow[] competitors = Competitors.Measure(settings, c);
        return new TargetReport(targets, competitors, [.. MemoryTargets.Issue(), .. await WholeIoasids.Weigh(settings)], machine);
    }

    private static void Tell(string what) => Console.Error.WriteLine(what);
}
