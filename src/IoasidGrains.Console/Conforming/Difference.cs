// Where a replay differs from its recording; made by the replays of conform, printed by its report.
using System.Text.Json.Nodes;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>The first call, or step, whose answer is another than the kernel's.</summary>
/// <param name="Index">From 0.</param>
/// <param name="Call">As the recording writes it.</param>
internal sealed record Difference(int Index, string Call, string Recorded, string Replayed);

/// <summary>Compares answers.</summary>
internal static class Comparing
{
    public const string Events = "kvm_noncoherent_dma_events";

    /// <summary>Null if everything that the recording names is equal.</summary>
    public static Difference? Of(int index, LinuxCall call, CallAnswer answer, IReadOnlyList<string> events)
    {
        bool equal = call.Ret == answer.Ret && (call.Errno is "0" or "" ? answer.Errno == Errno.OK : call.Errno == answer.Errno.ToString());
        var replayed = new JsonObject();
        foreach ((string name, JsonNode? recorded) in call.Out ?? [])
        {
            JsonNode? ours = name == Events ? new JsonArray([.. events.Select(one => (JsonNode)one)]) : Find(call, answer, name);
            equal &= JsonNode.DeepEquals(Normal(recorded), Normal(ours));
            replayed[name] = ours?.DeepClone();
        }

        return equal ? null : new Difference(
            index, $"{call.File}.{call.Name} {Text(call.Args)}", Say(call.Ret, call.Errno, call.Out), Say(answer.Ret, answer.Errno == Errno.OK ? "0" : answer.Errno.ToString(), replayed));
    }

    /// <summary>A call that failed here has no outputs to tell; one that did not has all that are known.</summary>
    private static JsonNode? Find(LinuxCall call, CallAnswer answer, string name) => answer.Out.TryGetPropertyValue(name, out JsonNode? value) ? value
        : answer.Errno != Errno.OK ? null : throw new CallNotUnderstoodException($"{call.Name} has an output \"{name}\" that is not known");

    private static string Say(long ret, string errno, JsonObject? outputs) => $"{(errno is "0" or "" ? ret.ToString() : $"-{errno}")}{(outputs is { Count: > 0 } ? " " + Text(outputs) : "")}";

    private static string Text(JsonObject members) => string.Join(' ', members.Select(member => $"{member.Key}={(member.Value is JsonValue value ? value.ToString() : member.Value?.ToJsonString() ?? "null")}"));

    /// <summary>5, "5" and "0x5" are one number.</summary>
    private static JsonNode? Normal(JsonNode? node) => node switch
    {
        JsonObject many => new JsonObject(many.Select(member => KeyValuePair.Create(member.Key, Normal(member.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Normal)]),
        JsonValue value when value.GetValueKind() is not (System.Text.Json.JsonValueKind.True or System.Text.Json.JsonValueKind.False)
            && FlowNumber.TryRead(value, out ulong number) => JsonValue.Create(number),
        _ => node?.DeepClone(),
    };
}
