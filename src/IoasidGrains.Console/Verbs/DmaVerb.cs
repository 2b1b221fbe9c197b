// ioasid dma: devices make DMA through an IOASID that is mapped for them, and what they did is counted.
using System.CommandLine;
using IoasidGrains.Uapi;
using Command = System.CommandLine.Command;

namespace IoasidGrains.Console;

/// <summary>Progress goes to standard error, the table to standard output. 1 if a run was lost, a translation was stale or a fault was not expected.</summary>
internal sealed class DmaVerb
{
    private readonly Terminal _terminal;
    private readonly PortOptions _ports = new();
    private readonly WorkloadOptions _options = new();

    private DmaVerb(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal)
    {
        var verb = new DmaVerb(terminal);
        var command = new Command("dma", "Runs a DMA workload on devices and prints what they did.");
        verb._options.AddTo(command);
        verb._ports.AddTo(command);
        verb._options.AddJsonTo(command);
        command.SetAction(verb.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        if (_options.Read(parsed, _terminal) is not { } choice)
        {
            return ExitCode.Broken;
        }

        PortChoice where = _ports.Read(parsed) with { Apart = choice.Apart };
        await using Port port = await Ports.OpenAsync(where, cancellation);
        HostId host = port.HostOf(where, 1);
        try
        {
            var session = new DmaSession(port.Uapi, host, port.Session, where.On == PortOptions.Machine, choice, _terminal);
            return Report(await session.Run(cancellation), cancellation.IsCancellationRequested);
        }
        finally
        {
            await port.Forget(host);
        }
    }

    private int Report(DmaResult result, bool interrupted)
    {
        foreach (string line in result.Choice.Json ? DmaJson.Lines(result) : DmaTable.Lines(result))
        {
            _terminal.Out.WriteLine(line);
        }

        return interrupted ? ExitCode.Interrupted : result.IsSound ? ExitCode.Matched : ExitCode.Differed;
    }
}
