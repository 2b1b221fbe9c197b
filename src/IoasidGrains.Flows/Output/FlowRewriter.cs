// Records what happened in the right margins; `ioasid run --rewrite`.
using System.Text;

namespace IoasidGrains.Flows;

/// <summary>The same file with the results of a run. Rewriting what the same run gives again changes nothing.</summary>
public static class FlowRewriter
{
    /// <summary>The new text; comments, blank lines and line ends are the file's own, a step without a margin gets one.</summary>
    public static string Rewrite(FlowResult result)
    {
        int column = FlowLayout.MarginColumn(result.Flow, line => line.LeftLength);
        Dictionary<int, StepResult> results = result.Results.ToDictionary(step => step.Line.Number);
        var text = new StringBuilder();
        foreach (FlowLine line in result.Flow.Lines)
        {
            bool records = results.TryGetValue(line.Number, out StepResult? step) && step.Status is null;
            text.Append(records ? FlowLayout.Compose(line.Raw[..line.LeftLength], column, step!.Reply.ToString(), line.Comment) : line.Raw);
            text.Append(line.End);
        }

        return text.ToString();
    }
}
