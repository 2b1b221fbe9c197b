// ioasid status: one line per object, after running files or of what a cluster holds.
using System.CommandLine;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;
using Command = System.CommandLine.Command;

namespace IoasidGrains.Console;

/// <summary>Runs the files without printing their steps, then prints the table of each.</summary>
internal sealed class StatusVerb
{
    private readonly Terminal _terminal;
    private readonly PortOptions _ports = new();
    private readonly Argument<string[]> _files = FlowFiles.Argument(ArgumentArity.ZeroOrMore);
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object per kernel object." };

    private StatusVerb(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal)
    {
        var verb = new StatusVerb(terminal);
        var command = new Command("status", "Prints one line per object: kind, name, state, detail.") { verb._files };
        verb._ports.AddTo(command);
        command.Options.Add(verb._json);
        command.SetAction(verb.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        if (FlowFiles.Read(parsed.GetValue(_files) ?? [], _terminal, parsed.GetValue(_json)) is not { } flows)
        {
            return ExitCode.Broken;
        }

        PortChoice choice = _ports.Read(parsed);
        await using Port port = await Ports.OpenAsync(choice, cancellation);
        if (flows.Count == 0)
        {
            HostId host = choice.Host is { } name ? new HostId(name) : HostId.All;
            Print(await new StatusReader(port.Uapi, port.Session).Read(host), parsed.GetValue(_json), withHost: choice.Host is null);
            return ExitCode.Matched;
        }

        int differed = 0;
        for (int file = 0; file < flows.Count; file++)
        {
            differed += await RunFile(port, port.HostOf(choice, file + 1), flows[file], parsed.GetValue(_json), cancellation);
        }

        return differed == 0 ? ExitCode.Matched : ExitCode.Differed;
    }

    private async Task<int> RunFile(Port port, HostId host, Flow flow, bool json, CancellationToken cancellation)
    {
        var runner = new FlowRunner(port.Uapi, host, port.Session);
        try
        {
            FlowResult result = await runner.Run(flow, null, cancellation);
            Print(await new StatusReader(port.Uapi, port.Session + "/table").Read(host), json, withHost: false);
            if (result.Differed > 0)
            {
                _terminal.Error.WriteLine($"{flow.FileName}: {result.Differed} of {result.Results.Count} steps differ; see ioasid run");
            }

            return result.Differed;
        }
        finally
        {
            await runner.CloseAll();
            await port.Forget(host);
        }
    }

    private void Print(IReadOnlyList<ObjectStatus> objects, bool json, bool withHost)
    {
        foreach (string line in json ? objects.Select(FlowJson.Status) : StatusTable.Lines(objects, withHost))
        {
            _terminal.Out.WriteLine(line);
        }
    }
}
