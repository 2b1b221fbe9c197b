// ioasid compare: one history under all profiles.
using System.CommandLine;
using System.CommandLine.Parsing;
using IoasidGrains.Core;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;
using Command = System.CommandLine.Command;

namespace IoasidGrains.Console;

/// <summary>Runs one flow once per profile and prints what differs; the flow's right margins are not looked at.</summary>
internal sealed class CompareVerb
{
    private readonly Terminal _terminal;
    private readonly PortOptions _ports = new(PortOptions.Machine);
    private readonly Argument<string[]> _file = FlowFiles.Argument(ArgumentArity.OneOrMore);
    private readonly Option<string> _policies = new("--policies")
    {
        Description = "Profiles by name, separated by commas; all unless given.", DefaultValueFactory = _ => PolicyNames.All,
    };

    private readonly Option<bool> _json = new("--json") { Description = "One JSON object per profile, and one that says where they part." };
    private readonly Option<string?> _html = new("--html") { Description = "Writes one self-contained page with the timelines to this file." };

    private CompareVerb(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal)
    {
        var verb = new CompareVerb(terminal);
        var command = new Command("compare", "Runs one history under several policies and shows where they part.") { verb._file };
        verb._policies.Validators.Add(option => PolicyNames.Check(option));
        verb._ports.AddTo(command);
        command.Options.Add(verb._policies);
        command.Options.Add(verb._json);
        command.Options.Add(verb._html);
        command.Validators.Add(verb.CheckFile);
        command.SetAction(verb.RunAsync);
        return command;
    }

    private void CheckFile(CommandResult command)
    {
        if (command.GetResult(_file) is { Tokens.Count: > 1 } files && !files.Tokens.Any(token => token.Value.StartsWith('-')))
        {
            command.AddError($"compare takes one history; {files.Tokens.Count} files were given.");
        }
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        bool json = parsed.GetValue(_json);
        if (FlowFiles.Read(parsed.GetValue(_file)!, _terminal, json) is not { } flows)
        {
            return ExitCode.Broken;
        }

        Comparison comparison = await Compare(_ports.Read(parsed), flows[0], PolicyNames.Read(parsed.GetValue(_policies)!), cancellation);
        foreach (string line in json ? CompareJson.Lines(comparison) : CompareTable.Lines(comparison))
        {
            _terminal.Out.WriteLine(line);
        }

        if (parsed.GetValue(_html) is { } path)
        {
            await File.WriteAllTextAsync(path, ComparePage.Of(comparison), cancellation);
            _terminal.Error.WriteLine($"{path}: written");
        }

        return ExitCode.Matched;
    }

    private static async Task<Comparison> Compare(PortChoice choice, Flow flow, Profile[] profiles, CancellationToken cancellation)
    {
        await using Port port = await Ports.OpenAsync(choice, cancellation);
        var runs = new ComparedRun[profiles.Length];
        for (int i = 0; i < profiles.Length; i++)
        {
            HostId host = port.HostOf(choice, i + 1);
            runs[i] = await ComparedRun.Run(port.Uapi, host, $"{port.Session}/{profiles[i].Name}", flow, profiles[i], cancellation);
            await port.Forget(host);
        }

        return new Comparison(flow, runs);
    }
}
