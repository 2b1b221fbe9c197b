// Assertions about our own code; a broken one is a bug, never a caller's mistake.
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
}
