// Shrinks a failing list of operations; used by the page table's model test.
namespace IoasidGrains.Tests;

/// <summary>Drops operations for as long as the rest still fails.</summary>
internal static class ShortestHistory
{
    /// <summary>A list that still fails and of which no single operation can be dropped.</summary>
    /// <param name="failing">Fails.</param>
    /// <param name="fails">Runs a list from the start; must be repeatable.</param>
    public static List<T> Of<T>(List<T> failing, Func<List<T>, bool> fails)
    {
        // Halves first, then ever smaller pieces; single operations until a whole round drops none.
        for (int piece = Math.Max(1, failing.Count / 2); ;)
        {
            int before = failing.Count;
            for (int at = failing.Count - piece; at >= 0; at -= piece)
            {
                List<T> rest = [.. failing[..at], .. failing[Math.Min(at + piece, failing.Count)..]];
                failing = fails(rest) ? rest : failing;
            }

            if (piece == 1 && failing.Count == before)
            {
                return failing;
            }

            piece = Math.Max(1, piece / 2);
        }
    }
}
