// What is wrong in a flow file, and where; printed by the console, exit code 2.
namespace IoasidGrains.Flows;

/// <summary>One error of a broken file.</summary>
/// <param name="File">As the caller named it.</param>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1; a tab is one column.</param>
/// <param name="Found">What stands there.</param>
/// <param name="Expected">What should.</param>
/// <param name="Nearest">The nearest known word, or null if none is near.</param>
public sealed record FlowError(string File, int Line, int Column, string Found, string Expected, string? Nearest)
{
    private const int LongestShown = 40;

    public override string ToString() =>
        $"{File}:{Line}:{Column}: found {Found}, expected {Expected}" + (Nearest is null ? "" : $"; did you mean '{Nearest}'?");

    /// <summary>A word in quotes, cut if it is long, without characters that move a terminal's cursor.</summary>
    internal static string Show(string word)
    {
        string cut = word.Length <= LongestShown ? word : word[..LongestShown] + "…";
        return "'" + string.Concat(cut.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? $"\\u{(int)c:x4}" : c.ToString())) + "'";
    }
}
