// ioasid run: runs flow files and compares each step with its right margin.
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;
using Command = System.CommandLine.Command;

namespace IoasidGrains.Console;

/// <summary>Standard output is the same to the byte wherever it runs; time and place go to standard error.</summary>
internal sealed class RunVerb
{
    private readonly Terminal _terminal;
    private readonly PortOptions _ports = new();
    private readonly Argument<string[]> _files = FlowFiles.Argument(ArgumentArity.OneOrMore);
    private readonly Option<string?> _policy = new("--policy") { Description = "Replaces the profile of every 'open FD /dev/ioasid'." };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object per step and one per file." };
    private readonly Option<bool> _rewrite = new("--rewrite") { Description = "Writes what happened into the files' right margins; exit code 0." };

    private RunVerb(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal)
    {
        var verb = new RunVerb(terminal);
        var command = new Command("run", "Runs flow files; every step's result must match its right margin.") { verb._files };
        verb._ports.AddTo(command);
        command.Options.Add(verb._policy);
        command.Options.Add(verb._json);
        command.Options.Add(verb._rewrite);
        verb._policy.Validators.Add(option => PolicyNames.Check(option, several: false));
        command.Validators.Add(verb.CheckTogether);
        command.SetAction(verb.RunAsync);
        return command;
    }

    private void CheckTogether(CommandResult command)
    {
        if (command.GetValue(_rewrite) && command.GetValue(_policy) is not null)
        {
            command.AddError("--rewrite would record another policy's results than the file asks for; leave out --policy.");
        }
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        bool json = parsed.GetValue(_json);
        if (FlowFiles.Read(parsed.GetValue(_files)!, _terminal, json) is not { } flows)
        {
            return ExitCode.Broken;
        }

        PortChoice choice = _ports.Read(parsed);
        long start = Stopwatch.GetTimestamp();
        await using Port port = await Ports.OpenAsync(choice, cancellation);
        TellTime($"{choice.On} ready", start);
        int differed = 0;
        for (int file = 0; file < flows.Count; file++)
        {
            Flow flow = parsed.GetValue(_policy) is { } policy ? flows[file].WithProfile(policy) : flows[file];
            FlowResult result = await RunFile(port, port.HostOf(choice, file + 1), flow, json, cancellation);
            differed += result.Differed;
            if (parsed.GetValue(_rewrite))
            {
                await File.WriteAllTextAsync(flow.FileName, FlowRewriter.Rewrite(result), cancellation);
            }
        }

        return differed == 0 || parsed.GetValue(_rewrite) ? ExitCode.Matched : ExitCode.Differed;
    }

    private async Task<FlowResult> RunFile(Port port, HostId host, Flow flow, bool json, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        var runner = new FlowRunner(port.Uapi, host, port.Session);
        try
        {
            return json ? await RunAsJson(runner, flow, cancellation) : await RunAsText(runner, flow, cancellation);
        }
        finally
        {
            TellTime(flow.FileName, start);
            await runner.CloseAll();
            await port.Forget(host);
        }
    }

    private async Task<FlowResult> RunAsText(FlowRunner runner, Flow flow, CancellationToken cancellation)
    {
        var printer = new FlowPrinter(_terminal.Out, flow);
        FlowResult result = await runner.Run(flow, printer.Report, cancellation);
        printer.Finish(result);
        return result;
    }

    private async Task<FlowResult> RunAsJson(FlowRunner runner, Flow flow, CancellationToken cancellation)
    {
        FlowResult result = await runner.Run(flow, step => _terminal.Out.WriteLine(FlowJson.Step(flow.FileName, step)), cancellation);
        _terminal.Out.WriteLine(FlowJson.Sum(result));
        return result;
    }

    private void TellTime(string what, long start) =>
        _terminal.Error.WriteLine($"{what}: {Stopwatch.GetElapsedTime(start).TotalSeconds:f3} s");
}
