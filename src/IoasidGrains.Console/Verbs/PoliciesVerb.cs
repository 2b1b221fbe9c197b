// ioasid policies: every profile, and every side of KVM.
using System.CommandLine;
using System.Text.Json.Nodes;
using IoasidGrains.Core;
using IoasidGrains.Uapi;
using Command = System.CommandLine.Command;

namespace IoasidGrains.Console;

/// <summary>What can stand after <c>open FD /dev/ioasid</c>: whose idea it was, and since which kernel it is there.</summary>
internal static class PoliciesVerb
{
    public static Command Build(Terminal terminal)
    {
        var json = new Option<bool>("--json") { Description = "One JSON object per profile." };
        var command = new Command("policies", "Lists the policies: a way to share page tables, and a side of KVM.") { json };
        command.SetAction(parsed =>
        {
            foreach (string line in parsed.GetValue(json) ? Profiles.All.Select(Json) : Lines())
            {
                terminal.Out.WriteLine(line);
            }
        });
        return command;
    }

    private static IEnumerable<string> Lines()
    {
        List<string[]> profiles = [["POLICY", "TABLES", "KVM", "ALLOC", "WHOSE", "SINCE"]];
        profiles.AddRange(Profiles.All.Select(profile => new[] { profile.Name, profile.Sharing.Name, profile.Kvm.Name, Formats(profile.Sharing), profile.Whose, profile.Since }));
        List<string[]> sides = [["KVM", "TOLD", "WHOSE"]];
        sides.AddRange(Profiles.KvmSides.Select(side => new[] { side.Name, Told(side), side.Whose }));
        return TextTable.Lines(profiles).Append("").Concat(TextTable.Lines(sides)).Append("")
            .Append("open FD /dev/ioasid POLICY [kvm KVM]: without a policy seed-strict, without kvm the policy's own side.");
    }

    private static string Formats(SharingPolicy policy) => policy.Formats.Length == 0 ? "-" : string.Join('|', policy.Formats.Select(format => format.Word()));

    private static string Told(KvmSide side) => side.Trigger == KvmTrigger.Update ? "at KVM_UPDATE"
        : side.IsUserDriven ? "by the user" : side.HasFiles ? "at FILE_ADD, FILE_DEL, BIND, UNBIND" : "at every change";

    private static string Json(Profile profile) => new JsonObject
    {
        ["policy"] = profile.Name,
        ["tables"] = profile.Sharing.Name,
        ["kvm"] = profile.Kvm.Name,
        ["alloc"] = new JsonArray([.. profile.Sharing.Formats.Select(format => (JsonNode)format.Word())]),
        ["whose"] = profile.Whose,
        ["since"] = profile.Since,
    }.ToJsonString();
}
