// A run as aligned text; the default output of `ioasid run`. The same bytes for every runner: nothing about time or place.
namespace IoasidGrains.Flows;

/// <summary>Prints each step as it is reported, with the comments before it, and a diff under a step that differs.</summary>
public sealed class FlowPrinter(TextWriter output, Flow flow)
{
    private readonly int _column = FlowLayout.MarginColumn(flow, line => line.Text.Length);
    private int _printed;

    /// <summary>Prints one result and the lines of the file that stand before it.</summary>
    public void Report(StepResult result)
    {
        EchoUpTo(result.Line.Number - 1);
        _printed = result.Line.Number;
        Write(result);
    }

    /// <summary>Prints what follows the last step, and the sum.</summary>
    public void Finish(FlowResult result)
    {
        EchoUpTo(flow.Lines.Count);
        output.WriteLine($"{flow.FileName}: {result.Results.Count} steps, {result.Matched} match, {result.Differed} differ");
    }

    private void EchoUpTo(int number)
    {
        for (; _printed < number; _printed++)
        {
            FlowLine line = flow.Lines[_printed];
            output.WriteLine(line.Text.Length == 0 ? line.Comment : $"{line.Text}  {line.Comment}".TrimEnd());
        }
    }

    private void Write(StepResult result)
    {
        FlowLine line = result.Line;
        if (result.Status is not null)
        {
            output.WriteLine($"{line.Text}  {line.Comment}".TrimEnd());
            foreach (string row in StatusTable.Lines(result.Status))
            {
                output.WriteLine("  " + row);
            }

            return;
        }

        output.WriteLine(FlowLayout.Compose(line.Text, _column, result.Reply.ToString(), line.Comment));
        if (!result.Match)
        {
            output.WriteLine($"  - {FlowLexer.Arrow} {line.Expected!.Text}");
            output.WriteLine($"  + {FlowLexer.Arrow} {result.Reply}");
        }
    }
}
