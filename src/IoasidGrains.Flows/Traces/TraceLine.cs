// Walks over the words of one line of a trace; used by TraceAccesses. Allocates only for an error.
namespace IoasidGrains.Flows;

/// <summary>What stands between blanks, up to the end of the line or a <c>#</c> that begins a word.</summary>
internal ref struct TraceLine
{
    private readonly ReadOnlySpan<char> _text;
    private int _next;

    public TraceLine(ReadOnlySpan<char> text)
    {
        _text = text.EndsWith('\r') ? text[..^1] : text;
        SkipBlanks();
    }

    public readonly bool AtEnd => _next == _text.Length || _text[_next] == '#';

    /// <summary>Of the next word, from 1.</summary>
    public readonly int Column => _next + 1;

    /// <summary>The next word, not taken; empty at the end.</summary>
    public readonly ReadOnlySpan<char> Word
    {
        get
        {
            ReadOnlySpan<char> rest = AtEnd ? [] : _text[_next..];
            int blank = rest.IndexOfAny(' ', '\t');
            return blank < 0 ? rest : rest[..blank];
        }
    }

    public void Skip()
    {
        _next += Word.Length;
        SkipBlanks();
    }

    /// <summary>What is wrong with the next word.</summary>
    public readonly FlowProblem Problem(string expected, params IEnumerable<string> known)
    {
        string word = Word.ToString();
        return AtEnd
            ? new FlowProblem(Column, "the end of the line", expected, null)
            : new FlowProblem(Column, FlowError.Show(word), expected, NearestWord.Of(word, known));
    }

    private void SkipBlanks()
    {
        while (_next < _text.Length && FlowLexer.IsBlank(_text[_next]))
        {
            _next++;
        }
    }
}
