// ioasid explore: all histories over a small host, under one profile or all of them.
using System.CommandLine;
using System.CommandLine.Parsing;
using IoasidGrains.Core;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;
using Command = System.CommandLine.Command;

namespace IoasidGrains.Console;

/// <summary>Standard output is the same in every run (but for --bench and the seconds of --json); progress goes to standard error.</summary>
internal sealed class ExploreVerb
{
    private const string All = "all";
    private const int DefaultDepth = 8;

    /// <summary>Deeper histories would not be found in a lifetime, and their numbers would not fit.</summary>
    private const int MaxDepth = 64;

    private readonly Terminal _terminal;
    private readonly Option<string> _topology = new("--topology") { Description = "T1 (the default), T2, T3, T4, or a flow file that declares iommu, device and ioasids.", DefaultValueFactory = _ => "T1" };
    private readonly Option<string[]> _profile = new("--profile") { Description = "Profiles, or all (the default).", DefaultValueFactory = _ => [All], AllowMultipleArgumentsPerToken = true };
    private readonly Option<int> _depth = new("--depth") { Description = "Steps of the longest histories.", DefaultValueFactory = _ => DefaultDepth };
    private readonly Option<string> _out = new("--out") { Description = "Directory for the counterexamples.", DefaultValueFactory = _ => "counterexamples" };
    private readonly Option<string?> _memory = new("--memory") { Description = "What the search may use, such as 8GiB; without it 80 % of what there is." };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object per profile." };
    private readonly Option<bool> _bench = new("--bench") { Description = "A table of figures instead: rate, time to the first counterexample, bytes per state." };

    private ExploreVerb(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal)
    {
        var verb = new ExploreVerb(terminal);
        var command = new Command("explore", "Searches all histories up to a depth for the shortest that breaks an invariant or a byte.")
        {
            verb._topology, verb._profile, verb._depth, verb._out, verb._memory, verb._json, verb._bench,
        };
        verb._profile.Validators.Add(CheckProfiles);
        verb._depth.Validators.Add(CheckDepth);
        verb._memory.Validators.Add(CheckMemory);
        command.SetAction(verb.RunAsync);
        return command;
    }

    private static void CheckProfiles(OptionResult option)
    {
        foreach (string name in option.Tokens.Select(token => token.Value).Where(name => name != All && Profiles.Find(name) is null))
        {
            string[] known = [.. Profiles.All.Select(profile => profile.Name), All];
            string hint = NearestWord.Of(name, known) is { } nearest ? $"; did you mean '{nearest}'?" : "";
            option.AddError($"'{name}' is no profile; expected {string.Join(" or ", known)}{hint}");
        }
    }

    private static void CheckDepth(OptionResult option)
    {
        if (option.Tokens.Count == 1 && int.TryParse(option.Tokens[0].Value, out int depth) && depth is < 1 or > MaxDepth)
        {
            option.AddError($"--depth must be from 1 to {MaxDepth}.");
        }
    }

    private static void CheckMemory(OptionResult option)
    {
        if (option.Tokens.Count == 1 && (!Quantity.TryParse(option.Tokens[0].Value, out ulong bytes) || bytes is < 1 << 20 or > long.MaxValue))
        {
            option.AddError($"'{option.Tokens[0].Value}' is no size that a search can do with; expected one such as 8GiB.");
        }
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        ExploreChoice choice = Read(parsed);
        bool bench = parsed.GetValue(_bench);
        bool json = parsed.GetValue(_json);
        List<ExploredProfile> all = [];
        if (bench)
        {
            _terminal.Out.WriteLine(ExploreReport.FigureHeading);
        }

        await foreach (ExploredProfile explored in new ExploreSession(choice, _terminal).Run(cancellation))
        {
            all.Add(explored);
            IEnumerable<string> lines = bench ? [ExploreReport.Figures(explored)] : json ? [ExploreReport.Json(explored)] : ExploreReport.Lines(explored, choice.Depth);
            foreach (string line in lines)
            {
                _terminal.Out.WriteLine(line);
            }

            await _terminal.Out.FlushAsync(CancellationToken.None);
        }

        foreach (string line in bench ? ExploreReport.Sum(all) : [])
        {
            _terminal.Out.WriteLine(line);
        }

        return all.Any(explored => explored.Search.End == SearchEnd.Stopped) ? ExitCode.Interrupted
            : all.All(explored => explored.Search.Holds && explored.Search.End == SearchEnd.Complete) ? ExitCode.Matched : ExitCode.Differed;
    }

    private ExploreChoice Read(ParseResult parsed)
    {
        string[] names = parsed.GetValue(_profile)!;
        Profile[] profiles = names.Contains(All) ? [.. Profiles.All] : [.. names.Distinct().Select(name => Profiles.Find(name)!)];
        long memory = parsed.GetValue(_memory) is { } size && Quantity.TryParse(size, out ulong bytes)
            ? (long)bytes : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 10 * 8;
        return new ExploreChoice(TopologyFile.Read(parsed.GetValue(_topology)!), profiles, parsed.GetValue(_depth), parsed.GetValue(_out)!, memory);
    }
}
