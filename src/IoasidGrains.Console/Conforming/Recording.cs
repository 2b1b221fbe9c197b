// Recordings of a real kernel as they stand in a file; read by conform.
using System.Text.Json;
using System.Text.Json.Nodes;
using IoasidGrains.Flows;

namespace IoasidGrains.Console;

/// <summary>One line of a recording: a program of calls, or a sequence of state changes.</summary>
/// <param name="Where">File and line.</param>
internal abstract record Recorded(string Id, string Where);

/// <summary>A program.</summary>
/// <param name="Given">The machine it ran on.</param>
internal sealed record RecordedCase(string Id, string Where, JsonObject Given, string[] Tags, LinuxCall[] Calls) : Recorded(Id, Where)
{
    /// <summary>The words that describe the machine; programs of one machine are summed up together.</summary>
    public string Platform => Given["platform"]?.GetValue<string>() ?? "";
}

/// <summary>A sequence: attach, detach and so on, with the answer to the coherency question after each.</summary>
internal sealed record RecordedSequence(string Id, string Where, JsonObject Line, JsonObject[] Steps) : Recorded(Id, Where);

/// <summary>Reads files of one JSON object per line.</summary>
internal static class RecordingFile
{
    private static readonly string[] KnownOfCall = ["ioctl", "fd", "args", "ret", "errno", "out"];

    /// <summary>All lines of a file. Throws <see cref="ConsoleException"/> with the line of what is no recording.</summary>
    public static List<Recorded> Read(string file)
    {
        List<Recorded> all = [];
        string[] lines = TextFile.Read(file).Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Trim().Length > 0)
            {
                all.Add(ReadLine(lines[i], $"{file}:{i + 1}"));
            }
        }

        return all;
    }

    private static Recorded ReadLine(string text, string where)
    {
        try
        {
            JsonObject line = JsonNode.Parse(text) as JsonObject ?? throw new JsonException("expected an object");
            string id = line["id"]?.GetValue<string>() ?? throw new JsonException("expected a member \"id\"");
            return line["steps"] is JsonArray steps
                ? new RecordedSequence(id, where, line, [.. steps.Select(step => step!.AsObject())])
                : new RecordedCase(
                    id, where, (line["given"] ?? throw new JsonException("expected a member \"given\" or \"steps\"")).AsObject(),
                    [.. (line["tags"] as JsonArray ?? []).Select(tag => tag!.GetValue<string>())],
                    [.. (line["calls"] ?? throw new JsonException("expected a member \"calls\"")).AsArray().Select(call => ReadCall(call!.AsObject()))]);
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException or FormatException or NullReferenceException)
        {
            throw new ConsoleException($"{where}: this is no recording: {broken.Message}");
        }
    }

    private static LinuxCall ReadCall(JsonObject call) => new(
        call["ioctl"]!.GetValue<string>(), call["fd"]!.GetValue<string>(), call["args"] as JsonObject ?? [])
    {
        Ret = call["ret"]?.GetValue<long>() ?? 0, Errno = call["errno"]?.ToString() ?? "0", Out = call["out"] as JsonObject,
        Strange = [.. call.Select(member => member.Key).Where(key => !KnownOfCall.Contains(key))],
    };
}
