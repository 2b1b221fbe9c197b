// What conform prints: sums per tag and machine, and the first difference of each case that fails.
using System.Text.Json;
using System.Text.Json.Nodes;

namespace IoasidGrains.Console;

/// <summary>How a case ended: with a difference, not understood, or as recorded.</summary>
internal sealed record ConformResult(Recorded Recorded, Difference? Difference, string? NotUnderstood)
{
    public string Outcome => NotUnderstood is not null ? "not_understood" : Difference is not null ? "failed" : "passed";

    public bool Passed => Outcome == "passed";
}

/// <summary>Lines for people and for programs.</summary>
internal static class ConformReport
{
    private const string Sequences = "(sequences)";

    public static string Json(ConformResult result)
    {
        var line = new JsonObject { ["id"] = result.Recorded.Id, ["where"] = result.Recorded.Where, ["result"] = result.Outcome };
        if (result.Difference is { } difference)
        {
            line["call"] = difference.Index + 1;
            line["what"] = difference.Call;
            line["recorded"] = difference.Recorded;
            line["replayed"] = difference.Replayed;
        }

        if (result.NotUnderstood is { } reason)
        {
            line["reason"] = reason;
        }

        return line.ToJsonString(Plain);
    }

    /// <summary>The last line of <c>--json</c>.</summary>
    public static string Sum(IReadOnlyList<ConformResult> results) => new JsonObject
    {
        ["cases"] = results.Count,
        ["passed"] = results.Count(result => result.Outcome == "passed"),
        ["failed"] = results.Count(result => result.Outcome == "failed"),
        ["not_understood"] = results.Count(result => result.Outcome == "not_understood"),
        ["failed_ids"] = new JsonArray([.. results.Where(result => result.Outcome == "failed").Select(result => (JsonNode)result.Recorded.Id)]),
    }.ToJsonString(Plain);

    private static readonly JsonSerializerOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Both answers, one below the other.</summary>
    public static IEnumerable<string> Lines(ConformResult result)
    {
        if (result.NotUnderstood is { } reason)
        {
            return [$"{result.Recorded.Id}: not understood: {reason}", $"  {result.Recorded.Where}"];
        }

        Difference difference = result.Difference!;
        return
        [
            $"{result.Recorded.Id}: call {difference.Index + 1} differs: {difference.Call}",
            $"  kernel  {difference.Recorded}",
            $"  here    {difference.Replayed}",
            $"  {result.Recorded.Where}",
        ];
    }

    public static IEnumerable<string> Table(IReadOnlyList<ConformResult> results)
    {
        List<string> lines = [.. Table("tag", results, result => result.Recorded is RecordedCase recorded ? recorded.Tags : [Sequences]), ""];
        lines.AddRange(Table("machine", results, result => [result.Recorded is RecordedCase recorded ? recorded.Platform : Sequences]));
        lines.Add("");
        lines.Add($"{results.Count} cases: {results.Count(result => result.Passed)} passed, {results.Count(result => result.Outcome == "failed")} failed, "
            + $"{results.Count(result => result.Outcome == "not_understood")} not understood");
        return lines;
    }

    private static IEnumerable<string> Table(string heading, IReadOnlyList<ConformResult> results, Func<ConformResult, string[]> namesOf)
    {
        List<string[]> rows = [[heading, "cases", "passed", "failed", "not understood"]];
        foreach (IGrouping<string, ConformResult> group in results.SelectMany(result => namesOf(result).Select(name => (name, result)))
            .GroupBy(pair => pair.name, pair => pair.result).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            rows.Add([group.Key, $"{group.Count()}", $"{group.Count(result => result.Passed)}", $"{group.Count(result => result.Outcome == "failed")}",
                $"{group.Count(result => result.Outcome == "not_understood")}"]);
        }

        return TextTable.Lines(rows, column => column > 0);
    }
}
