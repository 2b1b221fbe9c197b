// ioasid ioctls: the table of every ioctl, printed from IoctlTable.
using System.CommandLine;
using System.Text.Json.Nodes;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;
using Command = System.CommandLine.Command;

namespace IoasidGrains.Console;

/// <summary>One line per ioctl: number, usage, whose file, dialect, status, source.</summary>
internal static class IoctlsVerb
{
    public static Command Build(Terminal terminal)
    {
        var json = new Option<bool>("--json") { Description = "One JSON object per ioctl." };
        var command = new Command("ioctls", "Prints the ioctls with their status and source.") { json };
        command.SetAction(parsed =>
        {
            foreach (string line in parsed.GetValue(json) ? IoctlTable.Rows.Select(Json) : Lines())
            {
                terminal.Out.WriteLine(line);
            }
        });
        return command;
    }

    private static IEnumerable<string> Lines()
    {
        string[][] cells =
        [
            ["CODE", "ON", "DIALECT", "IOCTL", "SOURCE", "STATUS"],
            .. IoctlTable.Rows.Select(row => new[] { $"0x{row.Code:x4}", StatusTable.KindWord(row.On), row.Dialect, row.Usage, row.Source, row.Status.ToString() }),
        ];
        return TextTable.Lines(cells);
    }

    private static string Json(IoctlRow row) => new JsonObject
    {
        ["name"] = row.Name.ToString(),
        ["code"] = row.Code,
        ["on"] = StatusTable.KindWord(row.On),
        ["dialect"] = row.Dialect,
        ["usage"] = row.Usage,
        ["status"] = row.Status.ToString(),
        ["source"] = row.Source,
    }.ToJsonString();
}
