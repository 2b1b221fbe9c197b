// Cuts a line of a flow into words, margin and comment; the first stage of FlowParser.
namespace IoasidGrains.Flows;

/// <summary>A line in pieces.</summary>
/// <param name="Left">The step's words.</param>
/// <param name="Arrow">The word <c>=></c>, if it is there.</param>
/// <param name="Right">The words after it.</param>
/// <param name="Comment">From the <c>#</c> on; empty if there is none.</param>
/// <param name="UnclosedQuote">Column of a quote that is not closed, or 0.</param>
internal sealed record LexedLine(
    IReadOnlyList<FlowWord> Left, FlowWord? Arrow, IReadOnlyList<FlowWord> Right, string Comment, int UnclosedQuote)
{
    /// <summary>Length of the raw text of the step, without the blanks behind it.</summary>
    public int LeftLength => Left.Count == 0 ? 0 : Left[^1].EndColumn - 1;
}

/// <summary>Knows blanks, quotes, <c>#</c> and <c>=></c>, and nothing else.</summary>
internal static class FlowLexer
{
    public const string Arrow = "=>";

    public static LexedLine Cut(string line)
    {
        List<FlowWord> left = [], right = [];
        FlowWord? arrow = null;
        int at = 0, unclosed = 0;
        while ((at = SkipBlanks(line, at)) < line.Length && line[at] != '#')
        {
            FlowWord word = WordAt(line, at);
            at = word.EndColumn - 1;
            if (word.Text[0] == '"' && !word.Quoted)
            {
                unclosed = word.Column;
            }

            if (arrow is null && word.Text == Arrow)
            {
                arrow = word;
                continue;
            }

            (arrow is null ? left : right).Add(word);
        }

        return new LexedLine(left, arrow, right, line[Math.Min(at, line.Length)..].TrimEnd(), unclosed);
    }

    public static bool IsBlank(char c) => c is ' ' or '\t';

    private static int SkipBlanks(string line, int at)
    {
        while (at < line.Length && IsBlank(line[at]))
        {
            at++;
        }

        return at;
    }

    private static FlowWord WordAt(string line, int start)
    {
        if (line[start] == '"')
        {
            int close = line.IndexOf('"', start + 1);
            return close < 0
                ? new FlowWord(line[start..], start + 1, false)
                : new FlowWord(line[start..(close + 1)], start + 1, true);
        }

        int end = line.AsSpan(start).IndexOfAny(' ', '\t');
        return new FlowWord(end < 0 ? line[start..] : line.Substring(start, end), start + 1, false);
    }
}
