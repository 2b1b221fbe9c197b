// The result of the control-plane benchmark and its two spellings.
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace IoasidGrains.Benchmarks;

/// <summary>One kind of call with so many silos and callers.</summary>
/// <param name="PerSecond">Calls of all callers together, of this kind and of the one that undoes it.</param>
internal sealed record CallRow(int Silos, int Callers, string Call, double PerSecond, double P50Microseconds, double P99Microseconds);

/// <summary>Grain messages of one ioctl; the client's call is one of those to objects.</summary>
internal sealed record MessageRow(string Call, double ToObjects, double ToStore);

/// <summary>Managed bytes of one idle object.</summary>
internal sealed record IdleRow(string Kind, double Bytes);

/// <summary>Everything that one run measured.</summary>
internal sealed record ControlFigures(CallRow[] Calls, double AttachPerBareCall, MessageRow[] Messages, IdleRow[] IdleObjects)
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public string ToJson() => JsonSerializer.Serialize(this, Json) + "\n";

    public string ToTable()
    {
        var text = new StringBuilder();
        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
        Line($"{"silos",5} {"callers",7}  {"call",-16} {"per second",10} {"p50 us",9} {"p99 us",9}");
        foreach (CallRow row in Calls)
        {
            Line($"{row.Silos,5} {row.Callers,7}  {row.Call,-16} {row.PerSecond,10:f0} {row.P50Microseconds,9:f1} {row.P99Microseconds,9:f1}");
        }

        Line($"");
        Line($"attach / bare grain call, one silo, one caller: {AttachPerBareCall:f2}");
        Line($"");
        Line($"{"messages per ioctl",-36} {"to objects",10} {"to store",9}");
        foreach (MessageRow row in Messages)
        {
            Line($"{row.Call,-36} {row.ToObjects,10:f2} {row.ToStore,9:f2}");
        }

        Line($"");
        Line($"{"idle object",-36} {"bytes",10}");
        foreach (IdleRow row in IdleObjects)
        {
            Line($"{row.Kind,-36} {row.Bytes,10:f0}");
        }

        return text.ToString();
    }
}
