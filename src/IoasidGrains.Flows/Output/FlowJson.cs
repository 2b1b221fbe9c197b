// A run as JSON, one object per line; `ioasid run --json`.
using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Lines of JSON with fixed fields.</summary>
public static class FlowJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>One step: file, line, step, result, errno, value, outputs, expected (or null), match; <c>status</c> has its objects.</summary>
    public static string Step(string file, StepResult result) => Write(json =>
    {
        json.WriteString("file", file);
        json.WriteNumber("line", result.Line.Number);
        json.WriteString("step", result.Line.Text);
        json.WriteString("result", result.Reply.ToString());
        json.WriteString("errno", result.Reply.Errno.ToString());
        json.WriteNumber("value", result.Reply.Value);
        json.WriteStartArray("outputs");
        foreach (string word in Expectation.WordsOf(result.Reply))
        {
            json.WriteStringValue(word);
        }

        json.WriteEndArray();
        json.WriteString("expected", result.Line.Expected?.Text);
        json.WriteBoolean("match", result.Match);
        WriteObjects(json, result.Status);
    });

    /// <summary>The sum of one file.</summary>
    public static string Sum(FlowResult result) => Write(json =>
    {
        json.WriteString("file", result.Flow.FileName);
        json.WriteNumber("steps", result.Results.Count);
        json.WriteNumber("matched", result.Matched);
        json.WriteNumber("differed", result.Differed);
    });

    /// <summary>One error of a broken file.</summary>
    public static string Error(FlowError error) => Write(json =>
    {
        json.WriteString("file", error.File);
        json.WriteNumber("line", error.Line);
        json.WriteNumber("column", error.Column);
        json.WriteString("error", error.ToString());
    });

    /// <summary>One row of the status table.</summary>
    public static string Status(ObjectStatus row) => Write(json => WriteRow(json, row));

    private static void WriteObjects(Utf8JsonWriter json, IReadOnlyList<ObjectStatus>? objects)
    {
        if (objects is null)
        {
            return;
        }

        json.WriteStartArray("objects");
        foreach (ObjectStatus row in objects)
        {
            json.WriteStartObject();
            WriteRow(json, row);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteRow(Utf8JsonWriter json, ObjectStatus row)
    {
        json.WriteString("kind", StatusTable.KindWord(row.Id.Kind));
        json.WriteString("host", row.Id.Host);
        json.WriteString("name", row.Id.ShortName);
        json.WriteString("state", row.State);
        json.WriteString("detail", row.Details);
    }

    private static string Write(Action<Utf8JsonWriter> fields)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            fields(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
