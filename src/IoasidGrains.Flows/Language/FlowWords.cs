// The fixed words of the language and the shape of its names; used by the grammars and by completion.
namespace IoasidGrains.Flows;

/// <summary>Verbs, options, and what may be a name.</summary>
public static class FlowWords
{
    /// <summary>The first word of a step, in the order of the language page; <c>sync</c> stands alone.</summary>
    public static readonly IReadOnlyList<string> Verbs =
        ["iommu", "device", "vm", "process", "open", "close", "ioctl", "choose", "dma", "cpu", "costs", "status", "sync"];

    /// <summary>Verbs whose result a name may be bound to.</summary>
    internal static readonly string[] Binding = ["ioctl", "choose"];

    private static readonly string[] Arguments = ["snoop", "no_snoop", "auto", "all", "width", "none", "behind", "in"];

    /// <summary>True for <c>[A-Za-z_][A-Za-z0-9_.:-]*</c>.</summary>
    public static bool IsName(string word) =>
        word.Length > 0 && (char.IsAsciiLetter(word[0]) || word[0] == '_') && word.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or ':' or '-');

    /// <summary>Words that would be read as something else where a name may stand.</summary>
    internal static bool IsReserved(string word) => Verbs.Contains(word) || Arguments.Contains(word);

    /// <summary>What the arguments of an ioctl that nobody knows may consist of.</summary>
    internal static bool IsWellFormed(FlowWord word) =>
        word.Quoted || word.Text.All(c => char.IsAsciiLetterOrDigit(c) || "_.:+-,=*/|".Contains(c));

    /// <summary><c>a, b or c</c>.</summary>
    internal static string List(IEnumerable<string> words)
    {
        string[] all = [.. words.Distinct()];
        return all.Length == 1 ? all[0] : string.Join(", ", all[..^1]) + " or " + all[^1];
    }
}
