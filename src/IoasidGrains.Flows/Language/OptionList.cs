// Options after the fixed words of a step, in any order; used by the grammars.
namespace IoasidGrains.Flows;

/// <summary>Hands out the options of one line, each once unless it is the repeatable one.</summary>
internal sealed class OptionList(WordCursor cursor, string? repeatable, params string[] options)
{
    private readonly List<string> _left = [.. options];

    /// <summary>The next option's word; null if none follows.</summary>
    public string? Take()
    {
        string? option = cursor.TakeIfAny(_left);
        if (option is not null && option != repeatable)
        {
            _left.Remove(option);
        }

        return option;
    }
}
