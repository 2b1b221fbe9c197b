// ioasid shell: the flow language, a line at a time.
using System.CommandLine;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;
using Command = System.CommandLine.Command;

namespace IoasidGrains.Console;

/// <summary>With history and completion if a person types; plain lines if standard input is a pipe or a file.</summary>
internal sealed class ShellVerb
{
    private readonly Terminal _terminal;
    private readonly PortOptions _ports = new();

    private ShellVerb(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal)
    {
        var verb = new ShellVerb(terminal);
        var command = new Command("shell", "Runs the steps that you type; Tab completes, 'help' helps.");
        verb._ports.AddTo(command);
        command.SetAction(verb.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        PortChoice choice = _ports.Read(parsed);
        await using Port port = await Ports.OpenAsync(choice, cancellation);
        HostId host = port.HostOf(choice, 1);
        var runner = new FlowRunner(port.Uapi, host, port.Session);
        var session = new ShellSession(runner, _terminal.Out);
        try
        {
            await (_terminal.CanEdit ? TypedLines(session) : PlainLines(session));
        }
        finally
        {
            await runner.CloseAll();
            await port.Forget(host);
        }

        return ExitCode.Matched;
    }

    private async Task PlainLines(ShellSession session)
    {
        while (await _terminal.In.ReadLineAsync() is { } line && await session.RunLine(line))
        {
            await _terminal.Out.FlushAsync();
        }
    }

    private async Task TypedLines(ShellSession session)
    {
        _terminal.Error.WriteLine("The flow language, a line at a time; 'help' helps, Ctrl-D ends.");
        var history = new LineHistory(LineHistory.DefaultFile());
        var editor = new LineEditor(() => System.Console.ReadKey(intercept: true), _terminal.Out, () => System.Console.WindowWidth, history, session.Complete);
        while (ReadLine(editor) is { } line)
        {
            history.Add(line.TrimEnd());
            if (!await session.RunLine(line))
            {
                break;
            }
        }

        history.Save();
    }

    /// <summary>Ctrl-C is a key while a line is typed, and ends the process while a step runs.</summary>
    private static string? ReadLine(LineEditor editor)
    {
        System.Console.TreatControlCAsInput = true;
        try
        {
            return editor.ReadLine();
        }
        finally
        {
            System.Console.TreatControlCAsInput = false;
        }
    }
}
