// ioasid conform: replays recordings of a real kernel and compares every answer.
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using IoasidGrains.Core;
using IoasidGrains.Flows;
using Command = System.CommandLine.Command;

namespace IoasidGrains.Console;

/// <summary>Standard output is the same wherever it runs; progress and time go to standard error.</summary>
internal sealed class ConformVerb
{
    private static readonly TimeSpan BetweenProgress = TimeSpan.FromMilliseconds(200);

    private readonly Terminal _terminal;
    private readonly PortOptions _ports = new(PortOptions.Machine);
    private readonly Argument<string[]> _files = new("FILE") { Description = "Recordings, one JSON object per line.", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string[]> _cases = new("--case") { Description = "Only the cases with these ids.", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string?> _policy = new("--policy") { Description = "Another profile than the kernel's, for /dev/iommu and containers." };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object per case, and one with the sums." };

    private ConformVerb(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal)
    {
        var verb = new ConformVerb(terminal);
        var command = new Command("conform", "Replays recordings of a real kernel; every answer must be the kernel's.") { verb._files, verb._cases, verb._policy, verb._json };
        verb._ports.AddTo(command);
        verb._policy.Validators.Add(option => PolicyNames.Check(option, several: false));
        command.SetAction(verb.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        List<Recorded> recordings = [.. parsed.GetValue(_files)!.SelectMany(RecordingFile.Read)];
        if (parsed.GetValue(_cases) is { Length: > 0 } wanted)
        {
            CheckCases(recordings, wanted);
            recordings = [.. recordings.Where(recorded => wanted.Contains(recorded.Id))];
        }

        long start = Stopwatch.GetTimestamp();
        PortChoice choice = _ports.Read(parsed);
        await using Port port = await Ports.OpenAsync(choice, cancellation);
        var hosts = new ReplayHosts(port.Uapi, choice.Host ?? port.Session, port.Forget);
        bool json = parsed.GetValue(_json);
        List<ConformResult> results = [];
        long told = start;
        foreach (Recorded recorded in recordings)
        {
            cancellation.ThrowIfCancellationRequested();
            ConformResult result = await Replay(hosts, recorded, parsed.GetValue(_policy) ?? "");
            results.Add(result);
            Tell(result, json);
            if (_terminal.ShowsProgress && Stopwatch.GetElapsedTime(told) > BetweenProgress)
            {
                told = Stopwatch.GetTimestamp();
                _terminal.Error.Write($"\r{results.Count} of {recordings.Count} cases");
            }
        }

        _terminal.Error.WriteLine($"{(_terminal.ShowsProgress ? "\r" : "")}{results.Count} cases in {Stopwatch.GetElapsedTime(start).TotalSeconds:f1} s");
        foreach (string line in json ? [ConformReport.Sum(results)] : ConformReport.Table(results))
        {
            _terminal.Out.WriteLine(line);
        }

        return results.All(result => result.Passed) ? ExitCode.Matched : ExitCode.Differed;
    }

    private void Tell(ConformResult result, bool json)
    {
        foreach (string line in json ? [ConformReport.Json(result)] : result.Passed ? [] : ConformReport.Lines(result))
        {
            _terminal.Out.WriteLine(line);
        }
    }

    internal static async Task<ConformResult> Replay(ReplayHosts hosts, Recorded recorded, string profile)
    {
        try
        {
            Difference? difference = recorded is RecordedCase program
                ? await new CaseReplay(hosts, program, profile).Run() : await new SequenceReplay(hosts, (RecordedSequence)recorded, profile).Run();
            return new ConformResult(recorded, difference, null);
        }
        catch (CallNotUnderstoodException strange)
        {
            return new ConformResult(recorded, null, strange.Message);
        }
        catch (Exception bug) when (bug is InvariantException or (SystemException and not (OperationCanceledException or TimeoutException)))
        {
            // A mistake of ours fails this recording; the next one has a host of its own.
            return new ConformResult(recorded, new Difference(0, "the replay", "goes on", $"{bug.GetType().Name}: {bug.Message}"), null);
        }
    }

    private static void CheckCases(List<Recorded> recordings, string[] wanted)
    {
        if (wanted.FirstOrDefault(id => recordings.TrueForAll(recorded => recorded.Id != id)) is { } unknown)
        {
            string hint = NearestWord.Of(unknown, recordings.Select(recorded => recorded.Id)) is { } nearest ? $" Did you mean '{nearest}'?" : "";
            throw new ConsoleException($"There is no case '{unknown}' in these files.{hint}");
        }
    }
}
