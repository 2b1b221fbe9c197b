// Numbers as calls are written with them: 5, "5", "0x10", and flags by name; used by the tables of calls.
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace IoasidGrains.Flows;

/// <summary>Reads numbers and flags.</summary>
public static class FlowNumber
{
    public static ulong Of(JsonNode? node) => TryRead(node, out ulong value) ? value : throw new CallNotUnderstoodException($"{node?.ToJsonString() ?? "null"} is no number");

    public static bool TryRead(JsonNode? node, out ulong value)
    {
        value = 0;
        if (node is not JsonValue json)
        {
            return false;
        }

        return json.GetValueKind() switch
        {
            JsonValueKind.True => (value = 1) == 1,
            JsonValueKind.False => true,
            JsonValueKind.Number or JsonValueKind.String => TryParse(json.ToString(), out value),
            _ => false,
        };
    }

    public static bool TryParse(string text, out ulong value)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        }

        bool read = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long signed);
        value = unchecked((ulong)signed);
        return read || ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>Names joined by <c>|</c>, numbers among them.</summary>
    public static ulong Flags(JsonNode? node, IReadOnlyDictionary<string, ulong> names)
    {
        if (TryRead(node, out ulong number))
        {
            return number;
        }

        ulong flags = 0;
        foreach (string part in (node?.ToString() ?? "").Split('|', StringSplitOptions.TrimEntries))
        {
            flags |= names.TryGetValue(part, out ulong flag) || TryParse(part, out flag) ? flag : throw new CallNotUnderstoodException($"\"{part}\" is none of {string.Join(", ", names.Keys)}");
        }

        return flags;
    }

    public static string Hex(ulong value) => $"0x{value:x}";
}
