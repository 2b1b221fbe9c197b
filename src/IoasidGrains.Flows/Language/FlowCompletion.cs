// What can come next in a line; used by the shell. The grammar itself answers: it is run on the words so far and says what it wanted at the end.
namespace IoasidGrains.Flows;

/// <summary>Completion of the last word of a line.</summary>
public static class FlowCompletion
{
    /// <summary>The words that can stand where the line ends and begin with its last, unfinished word; sorted, without doubles.</summary>
    public static IReadOnlyList<string> Complete(string lineSoFar, FlowScope names)
    {
        LexedLine cut = FlowLexer.Cut(lineSoFar);
        if (cut.Arrow is not null || cut.Comment.Length > 0 || cut.UnclosedQuote > 0)
        {
            return [];
        }

        bool unfinished = cut.Left.Count > 0 && !FlowLexer.IsBlank(lineSoFar[^1]);
        string prefix = unfinished ? cut.Left[^1].Text : "";
        FlowWord[] done = [.. unfinished ? cut.Left.SkipLast(1) : cut.Left];
        FlowWord[] step = done.Length > 0 && done[0].Text.StartsWith('@') ? done[1..] : done;
        var cursor = new WordCursor(step, lineSoFar.Length + 1, names.Copy(), "");
        StepGrammar.Read(cursor);
        return [.. cursor.Offered.Where(word => word.StartsWith(prefix, StringComparison.Ordinal)).Distinct().Order(StringComparer.Ordinal)];
    }
}
