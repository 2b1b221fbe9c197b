// The command line: verbs, help with examples, and the exit code of a mistake. Used by Program and by the tests.
using System.CommandLine;
using System.CommandLine.Help;
using IoasidGrains.Flows;

namespace IoasidGrains.Console;

/// <summary>Parses the arguments and runs one verb.</summary>
public static class IoasidCommand
{
    private const string Name = "ioasid";

    /// <summary>Runs the command in this process; the result is its exit code.</summary>
    public static async Task<int> RunAsync(string[] args, Terminal terminal)
    {
        Command root = Build(terminal);
        ParseResult parsed = root.Parse(args);
        int code = parsed.Errors.Count > 0 && parsed.Action is not HelpAction and not ExampleHelp
            ? ReportMistakes(parsed, terminal)
            : await InvokeAsync(parsed, terminal);
        return await Flush(terminal) ? code : ExitCode.Broken;
    }

    /// <summary>Not a RootCommand: that takes its name from the executable, which is called after the project.</summary>
    private static Command Build(Terminal terminal)
    {
        var help = new HelpOption();
        help.Action = new ExampleHelp((HelpAction)help.Action!);
        return new Command(
            Name,
            "IoasidGrains: the /dev/ioasid no-snoop flow as actors.\n"
            + "Exit code 0: all results match; 1: some differ, a sweep found a broken rule, or DMA was lost or went wrong; 2: a broken file or option, nothing was run.")
        {
            RunVerb.Build(terminal),
            ShellVerb.Build(terminal),
            StatusVerb.Build(terminal),
            IoctlsVerb.Build(terminal),
            SweepVerb.Build(terminal),
            PoliciesVerb.Build(terminal),
            CompareVerb.Build(terminal),
            DmaVerb.Build(terminal),
            ExploreVerb.Build(terminal),
            ConformVerb.Build(terminal),
            help,
            new VersionOption(),
        };
    }

    private static async Task<int> InvokeAsync(ParseResult parsed, Terminal terminal)
    {
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = terminal.Out,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
            });
        }
        catch (OperationCanceledException)
        {
            return ExitCode.Interrupted;
        }
        catch (ConsoleException mistake)
        {
            terminal.Error.WriteLine($"ioasid: {mistake.Message}");
            return ExitCode.Broken;
        }
        catch (IOException broken)
        {
            terminal.Error.WriteLine($"ioasid: {broken.Message}");
            return ExitCode.Broken;
        }
    }

    /// <summary>False if standard output cannot take what was written.</summary>
    private static async Task<bool> Flush(Terminal terminal)
    {
        try
        {
            await terminal.Out.FlushAsync();
            return true;
        }
        catch (IOException broken)
        {
            terminal.Error.WriteLine($"ioasid: {broken.Message}");
            return false;
        }
    }

    private static int ReportMistakes(ParseResult parsed, Terminal terminal)
    {
        Command verb = parsed.CommandResult.Command;
        foreach (string message in parsed.Errors.Select(error => error.Message).Distinct())
        {
            terminal.Error.WriteLine($"{Name}: {message}{Hint(message, parsed)}");
        }

        terminal.Error.WriteLine($"Try: {Name}{(verb.Name == Name ? "" : " " + verb.Name)} --help");
        return ExitCode.Broken;
    }

    /// <summary>The verb or option that the word of a message was probably meant to be.</summary>
    private static string Hint(string message, ParseResult parsed)
    {
        Command verb = parsed.CommandResult.Command;
        IEnumerable<string> known = verb.Subcommands.Select(known => known.Name).Concat(verb.Options.Select(option => option.Name));
        string? word = parsed.UnmatchedTokens.FirstOrDefault(token => message.Contains($"'{token}'"));
        string? nearest = word is null ? null : NearestWord.Of(word, known);
        return nearest is null ? "" : $" Did you mean '{nearest}'?";
    }
}
