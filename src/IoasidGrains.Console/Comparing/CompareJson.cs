// The result of `ioasid compare --json`: one line per profile, and one that says where they part.
using System.Text.Json.Nodes;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>Lines of JSON with fixed fields.</summary>
internal static class CompareJson
{
    public static IEnumerable<string> Lines(Comparison comparison)
    {
        foreach (ComparedRun run in comparison.Runs)
        {
            yield return new JsonObject
            {
                ["file"] = comparison.Flow.FileName,
                ["policy"] = run.Profile.Name,
                ["devices"] = new JsonObject(run.End.Devices.Select(device => KeyValuePair.Create(device.Name, (JsonNode?)device.Place.ToString().ToLowerInvariant()))),
                ["vms"] = new JsonObject(run.End.Vms.Select(vm => KeyValuePair.Create(
                    vm.Name, (JsonNode?)new JsonObject { ["noncoherent_dma"] = vm.Count, ["wbinvd"] = vm.Wbinvd.Word() }))),
                ["gap_steps"] = run.GapSteps,
                ["costs"] = new JsonObject(CompareCosts.Names.Zip(CompareCosts.Of(run), (name, value) => KeyValuePair.Create(name, (JsonNode?)value))),
                ["answers"] = new JsonArray([.. run.Steps.Select(step => (JsonNode)new JsonObject
                {
                    ["line"] = step.Line.Number, ["errno"] = step.Reply.Errno.ToString(), ["result"] = step.Reply.ToString(),
                })]),
            }.ToJsonString();
        }

        yield return new JsonObject
        {
            ["file"] = comparison.Flow.FileName,
            ["policies"] = comparison.Runs.Length,
            ["differ"] = new JsonArray([.. comparison.Errnos.Select(parting => (JsonNode)new JsonObject
            {
                ["line"] = comparison.Runs[0].Steps[parting.Step].Line.Number,
                ["step"] = comparison.Runs[0].Steps[parting.Step].Line.Text,
                ["errno"] = new JsonObject(parting.Answers.Select(answer => KeyValuePair.Create(
                    answer.Answer, (JsonNode?)new JsonArray([.. answer.Profiles.Select(profile => (JsonNode)profile)])))),
            })]),
        }.ToJsonString();
    }
}
