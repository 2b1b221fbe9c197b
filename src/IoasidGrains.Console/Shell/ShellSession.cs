// What the shell does with a line: the flow language, plus help and exit. Used by ShellVerb; knows nothing of terminals.
using IoasidGrains.Flows;

namespace IoasidGrains.Console;

/// <summary>One session: the names so far and the run that they belong to.</summary>
public sealed class ShellSession(FlowRunner runner, TextWriter output)
{
    private const string FileName = "shell";

    private FlowScope _scope = new();
    private int _number;

    private static readonly string[] Extra = ["help", "exit"];

    /// <summary>Words that can stand where the text ends.</summary>
    public IReadOnlyList<string> Complete(string before)
    {
        IEnumerable<string> extra = before.Contains(' ') ? [] : Extra.Where(word => word.StartsWith(before, StringComparison.Ordinal));
        return [.. FlowCompletion.Complete(before, _scope).Concat(extra)];
    }

    /// <summary>Runs one line; false if the session ends with it. A name whose step failed stays free.</summary>
    public async Task<bool> RunLine(string line)
    {
        _number++;
        switch (line.Trim())
        {
            case "exit" or "quit":
                return false;
            case "help":
                WriteHelp();
                return true;
        }

        ParsedLine read = FlowParser.ParseLine(line, _scope, FileName, _number);
        if (read.Error is { } error)
        {
            output.WriteLine(error);
        }
        else if (read.Line!.Step is not null)
        {
            StepResult result = await runner.RunStep(read.Line);
            _scope = result.Reply.Succeeded ? read.Scope : _scope;
            Write(result);
        }

        return true;
    }

    private void Write(StepResult result)
    {
        if (result.Status is not null)
        {
            foreach (string row in StatusTable.Lines(result.Status))
            {
                output.WriteLine(row);
            }

            return;
        }

        output.WriteLine($"=> {result.Reply}");
        if (!result.Match)
        {
            output.WriteLine($"  - => {result.Line.Expected!.Text}");
            output.WriteLine($"  + => {result.Reply}");
        }
    }

    private void WriteHelp()
    {
        output.WriteLine("A line is a step of the flow language (src/IoasidGrains.Flows/README.md). Verbs: " + string.Join(", ", FlowWords.Verbs) + ".");
        output.WriteLine("Tab completes, arrow up recalls, Ctrl-C drops the line, Ctrl-D or exit ends and closes what is open. Try:");
        output.WriteLine("  iommu vtd0 enforce_snoop");
        output.WriteLine("  device dev1 behind vtd0");
        output.WriteLine("  open fd1 /dev/ioasid");
        output.WriteLine("  ioctl dev1 VFIO_BIND_IOASID_FD fd1");
        output.WriteLine("  status");
    }
}
