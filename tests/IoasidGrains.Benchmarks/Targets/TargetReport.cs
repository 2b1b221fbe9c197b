// The result of `targets` and its two spellings.
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace IoasidGrains.Benchmarks;

/// <summary>Everything that one run measured.</summary>
internal sealed record TargetReport(
    IReadOnlyList<TargetRow> Targets, IReadOnlyList<CompetitorRow> Competitors, IReadOnlyList<MemoryRow> Memory, string Machine)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private int Met => Targets.Count(row => row.Met == true);

    private int Missed => Targets.Count(row => row.Met == false);

    /// <summary>One line. A row with several figures has arrays.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Met,
            Missed,
            Targets = Targets.Select(row => new
            {
                row.Id,
                Value = OneOrAll(row, figure => figure.Value),
                Must = OneOrAll(row, figure => figure.Must),
                Stretch = OneOrAll(row, figure => figure.Stretch),
                row.Met,
                row.What,
                Unit = string.Join(' ', row.Figures.Select(figure => figure.Unit)),
                row.Note,
            }),
            Competitors,
            Memory,
            Machine,
        },
        Json) + "\n";

    public string ToTable()
    {
        var text = new StringBuilder();
        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture).TrimEnd()).Append('\n');
        Line($"{"id",-4} {"what",-58} {"figure",10} {"must",10} {"stretch",10}");
        foreach (TargetRow row in Targets)
        {
            Line($"{row.Id,-4} {row.What,-58} {"",10} {"",10} {"",10} {Verdict(row)}");
            foreach (Figure figure in row.Figures)
            {
                Line($"{"",-4}   {figure.What,-56} {Number(figure.Value, figure.Unit),10} {Number(figure.Must, figure.Unit),10} {Number(figure.Stretch, figure.Unit),10}");
            }

            if (row.Note.Length > 0)
            {
                Line($"{"",-4}   {row.Note}");
            }
        }

        Line($"");
        foreach (var work in Competitors.GroupBy(row => row.Work))
        {
            Line($"{work.Key,-63} {"ns",10} {"/ ours",10}");
            foreach (CompetitorRow row in work)
            {
                Line($"  {row.Name,-61} {row.Nanoseconds,10:f2} {row.PerOurs,10:f2}");
            }

            Line($"");
        }

        foreach (MemoryRow row in Memory)
        {
            Line($"{row.What,-63} {row.Bytes,14:n0} B  must {row.Must,14:n0}  {(row.Bytes <= row.Must ? "met" : "MISSED")}");
        }

        Line($"{Machine}");
        Line($"{Met} met, {Missed} missed, {Targets.Count - Met - Missed} not judged");
        return text.ToString();
    }

    private static object? OneOrAll(TargetRow row, Func<Figure, double?> select) =>
        row.Figures.Length == 1 ? select(row.Figures[0]) : row.Figures.Select(select).ToArray();

    private static string Verdict(TargetRow row) => row.Met switch { true => "met", false => "MISSED", null => "n.a." };

    private static string Number(double? value, string unit) =>
        value is null ? "-" : string.Create(CultureInfo.InvariantCulture, $"{value.Value:0.##} {unit}");
}
