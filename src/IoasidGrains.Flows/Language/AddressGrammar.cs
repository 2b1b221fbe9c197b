// The grammar of addresses, ranges and bytes; used by the other grammars.
using System.Text;
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Words made of numbers and <c>+</c>, and bytes in hex or as text.</summary>
internal static class AddressGrammar
{
    /// <summary><c>START+LENGTH</c>; <paramref name="isRange"/> says which numbers are one, all if it is null.</summary>
    public static (ulong Start, ulong Length) TakeRange(WordCursor cursor, string expected, Func<ulong, ulong, bool>? isRange = null)
    {
        string[] parts = Parts(cursor);
        if (parts.Length != 2)
        {
            cursor.Fail(expected);
            return default;
        }

        ulong start = Number(cursor, parts[0], 0);
        ulong length = Number(cursor, parts[1], parts[0].Length + 1);
        if (isRange?.Invoke(start, length) == false)
        {
            cursor.Fail(expected + ", of at least a byte and below 2^64");
        }

        cursor.Take();
        return (start, length);
    }

    /// <summary><c>[OWNER+]OFFSET</c>, with <c>+LENGTH</c> if <paramref name="withLength"/>.</summary>
    public static FlowArgument TakeUserMemory(WordCursor cursor, bool withLength)
    {
        string expected = withLength
            ? "a user address and a length such as vm1+0x1000+0x2000 or 0x1000+0x2000"
            : "a user address such as vm1+0x1000 or 0x1000";
        if (cursor.AtEnd)
        {
            cursor.Consider(cursor.Scope.Names(NameKind.Vm, NameKind.Fd).Select(name => name + "+0x"));
        }

        string[] parts = Parts(cursor);
        int numbers = withLength ? 2 : 1;
        bool owned = parts.Length == numbers + 1;
        if (parts.Length != numbers && !owned)
        {
            cursor.Fail(expected);
            return new FlowArgument.Literal(new IoctlValue.All());
        }

        NamedObject? owner = owned ? cursor.ReadName(parts[0], "the name of a VM or an ioasid_fd", 0) : null;
        int at = owned ? parts[0].Length + 1 : 0;
        string[] values = owned ? parts[1..] : parts;
        ulong offset = Number(cursor, values[0], at);
        ulong length = withLength ? Number(cursor, values[1], at + values[0].Length + 1) : 0;
        cursor.Take();
        return new FlowArgument.UserMemory(owner, offset, length);
    }

    /// <summary>Hex digits, two a byte, with or without 0x; or <c>"text"</c> as UTF-8.</summary>
    public static byte[] TakeBytes(WordCursor cursor)
    {
        FlowWord word = cursor.Next;
        if (word.Quoted)
        {
            return Encoding.UTF8.GetBytes(cursor.Take().Content);
        }

        string digits = word.Text.StartsWith("0x", StringComparison.Ordinal) ? word.Text[2..] : word.Text;
        if (digits.Length == 0 || digits.Length % 2 != 0 || !digits.All(char.IsAsciiHexDigit))
        {
            cursor.Fail("bytes as hex such as deadbeef (two digits a byte), or as \"text\"");
            return [];
        }

        cursor.Take();
        return Convert.FromHexString(digits);
    }

    private static string[] Parts(WordCursor cursor) => cursor.Next.Quoted ? [] : cursor.Next.Text.Split('+');

    private static ulong Number(WordCursor cursor, string text, int offset)
    {
        if (!Quantity.TryParse(text, out ulong value))
        {
            cursor.Fail("a number such as 4096, 0x1000, 4K or 2M", offset, text.Length == 0 ? "no number" : FlowError.Show(text), text);
        }

        return value;
    }
}
