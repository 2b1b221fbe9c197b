// The right margin of a step: what must happen. Read by FlowParser, compared by FlowRunner.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>The expected result. Value or errno must be equal; every output word written must be among the reply's; others may be there too.</summary>
/// <param name="Errno">OK if a value is expected.</param>
/// <param name="Value">Then it.</param>
/// <param name="Outputs">Words of the reply's outputs, in any order.</param>
public sealed record Expectation(Errno Errno, long Value, IReadOnlyList<string> Outputs)
{
    /// <summary>The margin as text, with single blanks.</summary>
    public string Text => string.Join(' ', Outputs.Prepend(Errno == Errno.OK ? Value.ToString() : $"-{Errno}"));

    public bool Matches(Reply reply)
    {
        bool sameResult = reply.Errno == Errno && (Errno != Errno.OK || reply.Value == Value);
        return sameResult && WordsOf(reply) is var words && Outputs.All(words.Contains);
    }

    /// <summary>The reply's outputs as words.</summary>
    public static string[] WordsOf(Reply reply) =>
        reply.Outputs?.Text.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>Reads the words after <c>=></c>.</summary>
    internal static Expectation? Read(WordCursor cursor)
    {
        string first = cursor.Next.Text;
        Errno errno = Errno.OK;
        ulong value = 0;
        if (first.StartsWith('-'))
        {
            string[] known = [.. Enum.GetNames<Errno>().Where(name => name != nameof(Errno.OK)).Select(name => "-" + name)];
            string spelled = cursor.TakeOneOf("an error number by name such as -EINVAL", known);
            errno = cursor.Problem is null ? Enum.Parse<Errno>(spelled.AsSpan(1)) : Errno.OK;
        }
        else
        {
            value = cursor.TakeNumber("a value such as 0, or an error number such as -EINVAL", long.MaxValue);
        }

        var outputs = new List<string>();
        while (!cursor.AtEnd)
        {
            outputs.Add(cursor.Take().Text);
        }

        return cursor.Problem is null ? new Expectation(errno, (long)value, outputs) : null;
    }
}
