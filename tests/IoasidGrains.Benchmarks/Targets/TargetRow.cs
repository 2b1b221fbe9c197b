// A row of the report of `targets`.
namespace IoasidGrains.Benchmarks;

/// <summary>One number and what it may be at most.</summary>
/// <param name="What">Of which case, if a row has several.</param>
/// <param name="Value">Null if it could not be measured here.</param>
/// <param name="Unit"><c>x</c> for a ratio.</param>
/// <param name="Must">At most this.</param>
/// <param name="Stretch">Better at most this; null if there is no such aim.</param>
internal sealed record Figure(string What, double? Value, string Unit, double Must, double? Stretch);

/// <summary>T1 to T18 of the list of targets.</summary>
/// <param name="Id">T1 to T18.</param>
/// <param name="What">What was measured.</param>
/// <param name="Figures">All of them must be as they must.</param>
/// <param name="Note">Absolute figures beside the ratios, or why there is no figure.</param>
/// <param name="Judged">False where the target names code that is not ours to include: the figure is shown and counts neither way.</param>
internal sealed record TargetRow(string Id, string What, Figure[] Figures, string Note = "", bool Judged = true)
{
    /// <summary>Null: neither met nor missed.</summary>
    public bool? Met => !Judged || Figures.Any(figure => figure.Value is null) ? null : Figures.All(figure => figure.Value <= figure.Must);

    /// <summary>A row without figures: why it was not measured.</summary>
    public static TargetRow Skipped(string id, string what, string why, params Figure[] figures) => new(id, what, figures, $"skipped: {why}");
}

/// <summary>A structure that others use for the same purpose, and what ours takes in the same rounds.</summary>
internal sealed record CompetitorRow(string Name, string Work, double Nanoseconds, double PerOurs);

/// <summary>Bytes of something.</summary>
internal sealed record MemoryRow(string What, double Bytes, double Must);
