// Reads flow files, all of them before anything is run; used by run, status and sweep.
using System.CommandLine;
using System.CommandLine.Parsing;
using IoasidGrains.Flows;

namespace IoasidGrains.Console;

/// <summary>Files to flows, or their errors to the terminal.</summary>
internal static class FlowFiles
{
    public static Argument<string[]> Argument(ArgumentArity arity)
    {
        var files = new Argument<string[]>("FILE") { Description = "Flow files.", Arity = arity };
        files.Validators.Add(CheckOptions);
        return files;
    }

    /// <summary>The flows; null if a file is broken, whose errors are on standard error then (and as JSON on standard output).</summary>
    public static IReadOnlyList<Flow>? Read(IEnumerable<string> files, Terminal terminal, bool json)
    {
        var flows = new List<Flow>();
        bool broken = false;
        foreach (string file in files)
        {
            ParsedFlow read = FlowParser.Parse(TextFile.Read(file), file);
            if (read.Flow is { } flow)
            {
                flows.Add(flow);
            }

            foreach (FlowError error in read.Errors)
            {
                broken = true;
                terminal.Error.WriteLine(error);
                if (json)
                {
                    terminal.Out.WriteLine(FlowJson.Error(error));
                }
            }
        }

        return broken ? null : flows;
    }

    /// <summary>What looks like an option and is none is not a file either.</summary>
    private static void CheckOptions(ArgumentResult argument)
    {
        IEnumerable<string> known = ((CommandResult)argument.Parent!).Command.Options.Select(option => option.Name);
        foreach (string word in argument.Tokens.Select(token => token.Value).Where(word => word.StartsWith('-')))
        {
            string hint = NearestWord.Of(word, known) is { } nearest ? $" Did you mean '{nearest}'?" : "";
            argument.AddError($"There is no option '{word}'.{hint}");
        }
    }
}
