// Assertions about our own code; a broken one is a bug, never a caller's mistake.
using System.Runtime.CompilerServices;

namespace IoasidGrains.Core;

/// <summary>Thrown for a bug of ours: the activation dies, the test fails.</summary>
public sealed class InvariantException(string sentence) : Exception(sentence);

/// <summary>Says what must be true.</summary>
public static class Invariant
{
    public static void Check(bool condition, string sentence)
    {
        if (!condition)
        {
            throw new InvariantException(sentence);
        }
    }

    /// <summary>The sentence is put together only if it is needed.</summary>
    public static void Check(bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] ref InvariantSentence sentence)
    {
        if (!condition)
        {
            throw new InvariantException(sentence.ToString());
        }
    }
}

/// <summary>An interpolated sentence about a broken invariant; nothing while it holds.</summary>
[InterpolatedStringHandler]
public ref struct InvariantSentence
{
    private DefaultInterpolatedStringHandler _text;

    public InvariantSentence(int literalLength, int formattedCount, bool condition, out bool isWanted)
    {
        isWanted = !condition;
        _text = isWanted ? new DefaultInterpolatedStringHandler(literalLength, formattedCount) : default;
    }

    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);

    public override string ToString() => _text.ToStringAndClear();
}
