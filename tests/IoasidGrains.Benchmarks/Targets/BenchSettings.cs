// How a run of `targets` was asked for.
namespace IoasidGrains.Benchmarks;

/// <param name="Json">One more line: the report as JSON.</param>
/// <param name="Only">Ids of targets; all if empty.</param>
/// <param name="Quick">Fewer rounds, a short run without garbage: to try a change.</param>
internal sealed record BenchSettings(bool Json, string[] Only, bool Quick)
{
    public int Rounds => Quick ? 5 : 21;

    public TimeSpan CalmRun => TimeSpan.FromSeconds(Quick ? 5 : 60);

    /// <summary>Null if that is no command line of `targets`.</summary>
    public static BenchSettings? TryParse(ReadOnlySpan<string> args)
    {
        var settings = new BenchSettings(false, [], false);
        for (; args.Length > 0; args = args[1..])
        {
            switch (args[0])
            {
                case "--json":
                    settings = settings with { Json = true };
                    break;
                case "--quick":
                    settings = settings with { Quick = true };
                    break;
                case "--only" when args.Length > 1 && args[1].Split(',').All(TargetsBenchmark.IsKnown):
                    settings = settings with { Only = args[1].Split(',') };
                    args = args[1..];
                    break;
                default:
                    return null;
            }
        }

        return settings;
    }
}
