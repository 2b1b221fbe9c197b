// Writes a counterexample as a flow that `ioasid run` reproduces: what was asked, what was answered, and the damage at its end.
using System.Text;
using IoasidGrains.Core;

namespace IoasidGrains.Console;

/// <summary>One file per broken check, named after the profile and the check.</summary>
/// <param name="directory">Made if it is not there.</param>
internal sealed class CounterexampleFlow(string directory, Topology topology)
{
    /// <summary>Begins every file of ours; one that does not begin so is somebody else's.</summary>
    private const string Mark = "# Found by ioasid explore:";

    /// <summary>Where the flow of a check goes.</summary>
    public string PathOf(Profile profile, CheckKind check) => Path.Combine(directory, $"{profile.Name}-{Checks.TitleOf(check).Replace(' ', '-')}.flow");

    /// <summary>A file of that name that is not ours would be lost.</summary>
    /// <exception cref="ConsoleException">There is one.</exception>
    public void CheckFree(Profile profile)
    {
        foreach (CheckKind check in Enum.GetValues<CheckKind>())
        {
            string path = PathOf(profile, check);
            if (File.Exists(path) && !TextFile.Read(path).StartsWith(Mark, StringComparison.Ordinal))
            {
                throw new ConsoleException($"{path} is there already and was not written by explore; give another directory with --out.");
            }
        }
    }

    /// <summary>Writes it; the result is its path.</summary>
    public string Write(Profile profile, BrokenCheck broken)
    {
        Directory.CreateDirectory(directory);
        string path = PathOf(profile, broken.Check);
        File.WriteAllText(path, TextOf(profile, broken));
        return path;
    }

    /// <summary>The flow. Of two histories the earlier one runs first, on a host of its own.</summary>
    public string TextOf(Profile profile, BrokenCheck broken)
    {
        List<(string Left, string? Right)> lines =
        [
            ($"{Mark} the shortest history over {topology.Name} in which {profile.Name} breaks", null),
            ($"# {Checks.TitleOf(broken.Check)}: {Checks.SentenceOf(broken.Check)}.", null),
        ];
        if (broken.Other is { } other)
        {
            lines.Add(("# Two histories with the same end, but for what became of it. The first:", null));
            AddHistory(lines, Retelling.Of(topology, profile, other, broken.Check), new CommandText("-1"));
            lines.Add(("", null));
            lines.Add(("# The second, on its own devices, fd and VM:", null));
            AddHistory(lines, Retelling.Of(topology, profile, broken.History, broken.Check), new CommandText("-2"));
        }
        else
        {
            AddHistory(lines, Retelling.Of(topology, profile, broken.History, broken.Check), new CommandText(""));
        }

        int column = lines.Max(line => line.Right is null ? 0 : line.Left.Length) + 1;
        var text = new StringBuilder();
        foreach ((string left, string? right) in lines)
        {
            text.Append(right is null ? left : $"{left.PadRight(column)}=> {right}").Append('\n');
        }

        return text.ToString();
    }

    private static void AddHistory(List<(string, string?)> lines, ToldHistory history, CommandText text)
    {
        if (text.VmLine is { } vm)
        {
            lines.Add((vm, "0"));
        }

        lines.AddRange(history.Setup.Select(done => (text.Of(done.Command), (string?)text.Of(done.Reply))));
        int number = 0;
        foreach (ToldStep step in history.Steps)
        {
            Add(lines, $"{++number}. {step.Text}", step, text);
        }

        Add(lines, history.Proof.Text, history.Proof, text);
    }

    private static void Add(List<(string, string?)> lines, string heading, ToldStep step, CommandText text)
    {
        lines.Add(("", null));
        lines.Add(("# " + heading, null));
        lines.AddRange(step.Commands.Select(done => (text.Of(done.Command), (string?)text.Of(done.Reply))));
    }
}
