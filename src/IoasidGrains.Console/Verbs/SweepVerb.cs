// ioasid sweep: the three sweeps of a flow on the Machine.
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using IoasidGrains.Core;
using IoasidGrains.Flows;

namespace IoasidGrains.Console;

/// <summary>Random interleavings, a failed call, a lost reply; or one of them again, with its trace.</summary>
internal sealed class SweepVerb
{
    private const int DefaultSeeds = 5000;

    private readonly Terminal _terminal;
    private readonly Argument<string[]> _files = FlowFiles.Argument(ArgumentArity.OneOrMore);
    private readonly Option<long> _seeds = new("--seeds") { Description = "How many schedules to try.", DefaultValueFactory = _ => DefaultSeeds };
    private readonly Option<string?> _replay = new("--replay") { Description = "Runs one schedule (a seed) or one fault (fail_before@N, fail_after@N, lose_reply@N) and prints its trace if it is broken." };

    private SweepVerb(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal)
    {
        var verb = new SweepVerb(terminal);
        var command = new Command("sweep", "Looks for a schedule or a fault under which a flow goes wrong, on the Machine.") { verb._files, verb._seeds, verb._replay };
        verb._seeds.Validators.Add(CheckSeeds);
        verb._replay.Validators.Add(CheckReplay);
        command.SetAction(verb.Run);
        return command;
    }

    private static void CheckSeeds(OptionResult option)
    {
        if (option.Tokens.Count == 1 && long.TryParse(option.Tokens[0].Value, out long seeds) && seeds < 1)
        {
            option.AddError("--seeds must be at least 1.");
        }
    }

    private static void CheckReplay(OptionResult option)
    {
        if (option.Tokens.Count == 1 && Replay.Parse(option.Tokens[0].Value) is null)
        {
            option.AddError($"'{option.Tokens[0].Value}' cannot be replayed; expected a seed, or fail_before@N, fail_after@N or lose_reply@N.");
        }
    }

    private int Run(ParseResult parsed)
    {
        if (FlowFiles.Read(parsed.GetValue(_files)!, _terminal, json: false) is not { } flows)
        {
            return ExitCode.Broken;
        }

        bool sound = true;
        foreach (Flow flow in flows)
        {
            sound &= parsed.GetValue(_replay) is { } replay
                ? RunOnce(flow, Replay.Parse(replay)!)
                : RunAll(flow, parsed.GetValue(_seeds));
        }

        return sound ? ExitCode.Matched : ExitCode.Differed;
    }

    private bool RunOnce(Flow flow, Replay replay)
    {
        (SweepFailure? failure, IReadOnlyList<string> trace) = replay.Run(new FlowScript(flow));
        foreach (string line in trace)
        {
            _terminal.Out.WriteLine(line);
        }

        _terminal.Out.WriteLine($"{flow.FileName}: {replay}: {failure?.What ?? "nothing is broken"}");
        return failure is null;
    }

    private bool RunAll(Flow flow, long seeds)
    {
        var sweeps = new FlowSweeps(new FlowScript(flow), Progress);
        return Report(flow, () => sweeps.Interleavings(seeds))
            && Report(flow, () => sweeps.Faults(FaultKind.FailBefore, FaultKind.FailAfter))
            && Report(flow, () => sweeps.Faults(FaultKind.LoseReply));
    }

    private bool Report(Flow flow, Func<SweepSum> sweep)
    {
        long start = Stopwatch.GetTimestamp();
        SweepSum sum = sweep();
        Progress("");
        _terminal.Out.WriteLine($"{flow.FileName}: {sum.Text}");
        _terminal.Error.WriteLine($"{flow.FileName}: {sum.Name}: {Stopwatch.GetElapsedTime(start).TotalSeconds:f3} s");
        if (sum.Failure is { } failure)
        {
            foreach (string line in failure.Trace)
            {
                _terminal.Out.WriteLine(line);
            }

            _terminal.Out.WriteLine($"{flow.FileName}: {failure.How}: {failure.What}");
            _terminal.Out.WriteLine($"replay: ioasid sweep {flow.FileName} --replay {sum.Replay}");
        }

        return sum.Failure is null;
    }

    /// <summary>One line of standard error that is written over.</summary>
    private void Progress(string text)
    {
        if (_terminal.ShowsProgress)
        {
            _terminal.Error.Write($"\r{text}\u001b[K");
        }
    }
}
