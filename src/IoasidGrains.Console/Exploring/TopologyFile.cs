// Reads the topology of a search: a known one by its name, or a flow file that only declares.
using IoasidGrains.Core;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>Lines <c>iommu</c>, <c>device</c>, <c>vm</c> (there is one, whatever it is called) and <c>ioasids N</c>; comments as in any flow.</summary>
internal static class TopologyFile
{
    private const string IoasidsWord = "ioasids";

    /// <exception cref="ConsoleException">It cannot be read, is broken or contradicts itself.</exception>
    public static Topology Read(string nameOrFile)
    {
        if (Topology.Known.FirstOrDefault(known => known.Name == nameOrFile) is { } topology)
        {
            return topology;
        }

        if (!File.Exists(nameOrFile))
        {
            throw new ConsoleException($"'{nameOrFile}' is no file and no topology; expected a file or {string.Join(", ", Topology.Known.Select(known => known.Name))}.");
        }

        topology = Parse(TextFile.Read(nameOrFile), nameOrFile);
        return topology.Problem is { } problem ? throw new ConsoleException($"{nameOrFile}: {problem}.") : topology;
    }

    private static Topology Parse(string text, string file)
    {
        string[] lines = text.Split('\n');
        int ioasids = TakeIoasids(lines, file);
        ParsedFlow parsed = FlowParser.Parse(string.Join('\n', lines), file);
        if (parsed.Flow is not { } flow)
        {
            throw new ConsoleException(string.Join('\n', parsed.Errors));
        }

        var names = new FlowNames(Topology.Host);
        List<DeclareUnit> units = [];
        List<DeclareDevice> devices = [];
        foreach (FlowLine line in flow.Steps)
        {
            switch (line.Step is DeclareVmStep ? null : line.Step!.Plan(names, default).Command)
            {
                case DeclareUnit unit:
                    units.Add(unit);
                    break;
                case DeclareDevice device:
                    devices.Add(device);
                    break;
                default:
                    _ = line.Step is DeclareVmStep ? true : throw new ConsoleException(
                        $"{file}:{line.Number}: '{line.Text}': a topology has only lines of iommu, device, {IoasidsWord} and vm.");
                    break;
            }
        }

        return new Topology(Path.GetFileName(file), units, devices, ioasids);
    }

    /// <summary>The one line that flows do not have; it is blank afterwards.</summary>
    private static int TakeIoasids(string[] lines, string file)
    {
        int ioasids = 2;
        for (int i = 0; i < lines.Length; i++)
        {
            string[] words = lines[i].Split('#')[0].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 0 && words[0] == IoasidsWord)
            {
                if (words.Length != 2 || !int.TryParse(words[1], out ioasids))
                {
                    throw new ConsoleException($"{file}:{i + 1}: expected '{IoasidsWord}' and how many, such as '{IoasidsWord} 2'.");
                }

                lines[i] = "";
            }
        }

        return ioasids;
    }
}
