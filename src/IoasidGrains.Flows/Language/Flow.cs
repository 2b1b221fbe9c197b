// A parsed flow: its lines, in order; made by FlowParser, run by FlowRunner, dealt by the sweeps.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>One line of a flow file.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Raw">The line as it stands, without its end.</param>
/// <param name="End">Its end: LF, CR LF, or nothing at the end of the file.</param>
/// <param name="Step">Null for a comment, a blank line and <c>sync</c>.</param>
/// <param name="Client">Of <c>@client</c>; empty for a step that stands alone.</param>
/// <param name="Text">The step (or <c>sync</c>) with single blanks; empty for comments and blank lines.</param>
/// <param name="Expected">The right margin; null asserts nothing.</param>
/// <param name="Comment">From the <c>#</c> on.</param>
/// <param name="LeftLength">Length of the raw step.</param>
/// <param name="Margin">Column of <c>=></c> from 0; -1 if there is none.</param>
public sealed record FlowLine(
    int Number, string Raw, string End, FlowStep? Step, string Client, string Text, Expectation? Expected, string Comment, int LeftLength, int Margin);

/// <summary>A flow. Immutable.</summary>
/// <param name="FileName">As the caller named it.</param>
/// <param name="Lines">All lines, comments too.</param>
public sealed record Flow(string FileName, IReadOnlyList<FlowLine> Lines)
{
    /// <summary>The lines that are steps.</summary>
    public IEnumerable<FlowLine> Steps => Lines.Where(line => line.Step is not null);

    /// <summary>The same flow with another policy for every fd that it opens; the text shown says so too.</summary>
    public Flow WithProfile(string profile) => this with { Lines = [.. Lines.Select(line => WithProfile(line, profile))] };

    private static FlowLine WithProfile(FlowLine line, string profile)
    {
        if (line.Step is StartProcessStep start)
        {
            return line with { Step = start with { Options = start.Options with { Profile = profile, ContainerProfile = profile } }, Text = $"process {start.Name} {profile} container {profile}" };
        }

        if (line.Step is not OpenFdStep open)
        {
            return line;
        }

        string path = $" open {open.Name} /dev/ioasid ";
        string padded = $" {line.Text} ";
        int at = padded.IndexOf(path, StringComparison.Ordinal) + path.Length;
        string rest = padded[at..];
        string named = open.Options.Profile + " ";
        if (rest.StartsWith(named, StringComparison.Ordinal))
        {
            rest = rest[named.Length..];
        }

        return line with
        {
            Step = open with { Options = open.Options with { Profile = profile } },
            Text = $"{padded[..at]}{profile} {rest}".Trim(),
        };
    }
}
