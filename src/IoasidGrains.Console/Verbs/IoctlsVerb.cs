// ioasid ioctls: the tables of every ioctl, of the mails and of Linux.
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
            foreach (string line in parsed.GetValue(json) ? IoctlTable.Rows.Select(Json).Concat(LinuxIoctlTable.Rows.Select(Json)) : Lines())
            {
                terminal.Out.WriteLine(line);
            }
        });
        return command;
    }

    private static IEnumerable<string> Lines()
    {
        string[] heading = ["CODE", "ON", "DIALECT", "IOCTL", "SOURCE", "STATUS"];
        IEnumerable<string> mails = TextTable.Lines(
        [
            heading, .. IoctlTable.Rows.Select(row => new[] { Hex(row.Code), StatusTable.KindWord(row.On), row.Dialect, row.Usage, row.Source, row.Status.ToString() }),
        ]);
        IEnumerable<string> linux = TextTable.Lines(
            [heading, .. LinuxIoctlTable.Rows.Select(row => new[] { Hex(row.Code), row.File, row.Dialect, row.Name, row.Source, row.Status.ToString() })]);
        return ["On an ioasid_fd, a device and a VM that are declared", .. mails, "", "On the files of a process: Linux 6.12", .. linux];
    }

    private static string Hex(uint code) => $"0x{code:x4}";

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

    private static string Json(LinuxIoctlRow row) => new JsonObject
    {
        ["name"] = row.Name,
        ["code"] = row.Code,
        ["on"] = row.File,
        ["dialect"] = row.Dialect,
        ["usage"] = row.Name,
        ["status"] = row.Status.ToString(),
        ["source"] = row.Source,
    }.ToJsonString();
}
