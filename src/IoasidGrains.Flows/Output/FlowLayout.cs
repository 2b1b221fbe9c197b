// Where the right margin stands; used by FlowPrinter and FlowRewriter.
namespace IoasidGrains.Flows;

/// <summary>One column for all <c>=></c> of a file.</summary>
internal static class FlowLayout
{
    /// <summary>The file's own column, or further right if a step needs it.</summary>
    public static int MarginColumn(Flow flow, Func<FlowLine, int> lengthOf) =>
        flow.Steps.Where(line => line.Step is not StatusStep)
            .Select(line => Math.Max(lengthOf(line) + 1, line.Margin)).DefaultIfEmpty(0).Max();

    /// <summary>A step with its margin, and its comment if it has one.</summary>
    public static string Compose(string left, int column, string margin, string comment) =>
        $"{left.PadRight(column)}{FlowLexer.Arrow} {margin}" + (comment.Length == 0 ? "" : "  " + comment);
}
