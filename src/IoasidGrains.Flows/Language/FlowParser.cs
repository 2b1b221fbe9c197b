// From text to flow, or to a list of errors; used by the console, the tests and the shell.
namespace IoasidGrains.Flows;

/// <summary>What a file is: a flow, or its errors.</summary>
/// <param name="Flow">Null if the file is broken.</param>
/// <param name="Errors">The first error of each broken line, in order.</param>
public sealed record ParsedFlow(Flow? Flow, IReadOnlyList<FlowError> Errors);

/// <summary>What one line is, and the names after it.</summary>
/// <param name="Line">Null if the line is broken.</param>
/// <param name="Error">Then why.</param>
/// <param name="Scope">The names if the step is done; a caller whose step failed may drop it.</param>
public sealed record ParsedLine(FlowLine? Line, FlowError? Error, FlowScope Scope);

/// <summary>Never throws, whatever the text.</summary>
public static class FlowParser
{
    private const char LineEnd = '\n';

    public static ParsedFlow Parse(string text, string fileName)
    {
        var scope = new FlowScope();
        var lines = new List<FlowLine>();
        var errors = new List<FlowError>();
        bool concurrent = false;
        for (int at = 0; at < text.Length;)
        {
            (string raw, string end) = CutLine(text, at);
            at += raw.Length + end.Length;
            scope.Line = lines.Count + 1;
            concurrent = EnterSection(scope, raw, concurrent);
            (FlowLine line, FlowProblem? problem) = ReadLine(raw, end, scope);
            lines.Add(line);
            if (problem is not null)
            {
                errors.Add(new FlowError(fileName, line.Number, problem.Column, problem.Found, problem.Expected, problem.Nearest));
            }
        }

        return new ParsedFlow(errors.Count == 0 ? new Flow(fileName, lines) : null, errors);
    }

    /// <summary>One line against the names that are known already; <paramref name="fileName"/> and <paramref name="number"/> are for its error.</summary>
    public static ParsedLine ParseLine(string text, FlowScope known, string fileName, int number)
    {
        FlowScope scope = known.Copy();
        scope.Line = number;
        scope.Section++;
        (FlowLine line, FlowProblem? problem) = ReadLine(text.ReplaceLineEndings(" "), "", scope);
        return problem is null
            ? new ParsedLine(line, null, scope)
            : new ParsedLine(null, new FlowError(fileName, number, problem.Column, problem.Found, problem.Expected, problem.Nearest), known);
    }

    private static (string Raw, string End) CutLine(string text, int start)
    {
        int feed = text.IndexOf(LineEnd, start);
        if (feed < 0)
        {
            return (text[start..], "");
        }

        int last = feed > start && text[feed - 1] == '\r' ? feed - 1 : feed;
        return (text[start..last], text[last..(feed + 1)]);
    }

    /// <summary>Steps of clients that follow each other share a section; every other step, and <c>sync</c>, begins a new one.</summary>
    private static bool EnterSection(FlowScope scope, string raw, bool concurrent)
    {
        string line = raw.TrimStart(' ', '\t');
        bool isClient = line.StartsWith('@');
        bool isBlank = line.Length == 0 || line[0] == '#';
        scope.Section += isBlank || (isClient && concurrent) ? 0 : 1;
        return isBlank ? concurrent : isClient;
    }

    private static (FlowLine Line, FlowProblem? Problem) ReadLine(string raw, string end, FlowScope scope)
    {
        LexedLine cut = FlowLexer.Cut(raw);
        string client = cut.Left.Count > 0 && cut.Left[0].Text.StartsWith('@') ? cut.Left[0].Text[1..] : "";
        var line = new FlowLine(
            scope.Line, raw, end, null, client, string.Join(' ', cut.Left.Select(word => word.Text)), null, cut.Comment, cut.LeftLength,
            cut.Arrow is { } arrow ? arrow.Column - 1 : -1);
        if (cut.UnclosedQuote > 0)
        {
            return (line, new FlowProblem(cut.UnclosedQuote, "a quote that is not closed", "text between two quotes in one line", null));
        }

        return cut.Left.Count == 0 && cut.Arrow is null ? (line, null) : ReadStep(line, cut, client, scope);
    }

    private static (FlowLine Line, FlowProblem? Problem) ReadStep(FlowLine line, LexedLine cut, string client, FlowScope scope)
    {
        bool isClient = cut.Left.Count > 0 && cut.Left[0].Text.StartsWith('@');
        FlowWord[] words = [.. cut.Left.Skip(isClient ? 1 : 0)];
        if (isClient && !FlowWords.IsName(client))
        {
            return (line, new FlowProblem(cut.Left[0].Column, FlowError.Show(cut.Left[0].Text), "a client such as @c1", null));
        }

        int endColumn = cut.Left.Count == 0 ? cut.Arrow!.Value.Column : cut.LeftLength + 1;
        var cursor = new WordCursor(words, endColumn, scope, client);
        FlowStep? step = StepGrammar.Read(cursor);
        cursor.TakeEnd();
        return cursor.Problem is not null ? (line, cursor.Problem) : Finish(line, cut, step, scope);
    }

    /// <summary>The rules that join step, client and margin: <c>sync</c> and <c>status</c> have neither a client nor a margin.</summary>
    private static (FlowLine Line, FlowProblem? Problem) Finish(FlowLine line, LexedLine cut, FlowStep? step, FlowScope scope)
    {
        if (step is null or StatusStep && (line.Client.Length > 0 || cut.Arrow is not null))
        {
            FlowWord extra = line.Client.Length > 0 ? cut.Left[0] : cut.Arrow!.Value;
            return (line, new FlowProblem(extra.Column, FlowError.Show(extra.Text), $"'{cut.Left[^1].Text}' alone on its line", null));
        }

        if (cut.Arrow is not { } arrow)
        {
            return (line with { Step = step }, null);
        }

        int endColumn = cut.Right.Count == 0 ? arrow.EndColumn : cut.Right[^1].EndColumn;
        var margin = new WordCursor(cut.Right, endColumn, scope, line.Client);
        Expectation? expected = Expectation.Read(margin);
        return (line with { Step = step, Expected = expected }, margin.Problem);
    }
}
