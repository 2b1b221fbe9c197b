// Finds the known word that a misspelt one was probably meant to be; used for every error of the parser, and by the console for its options.
namespace IoasidGrains.Flows;

/// <summary>Edit distance without regard to case: insertions, deletions, replacements and swaps of neighbours cost 1.</summary>
public static class NearestWord
{
    private const int LongestCompared = 64;
    private const int ShortestAbbreviation = 3;

    /// <summary>
    /// The nearest of <paramref name="known"/>, the first of equals; if all are further than a third of the word's length (at least 1), the one
    /// that begins with the word; else null.
    /// </summary>
    public static string? Of(string word, IEnumerable<string> known)
    {
        if (word.Length > LongestCompared)
        {
            return null;
        }

        string[] candidates = [.. known];
        int limit = Math.Max(1, word.Length / 3);
        string? nearest = null;
        foreach (string candidate in candidates)
        {
            if (Math.Abs(candidate.Length - word.Length) <= limit && Distance(word, candidate) is var distance && distance <= limit)
            {
                (nearest, limit) = (candidate, distance - 1);
            }
        }

        return nearest ?? OnlyLonger(word, candidates);
    }

    private static string? OnlyLonger(string word, string[] candidates)
    {
        string[] longer = [.. candidates.Where(candidate => candidate.StartsWith(word, StringComparison.OrdinalIgnoreCase)).Distinct().Take(2)];
        return word.Length >= ShortestAbbreviation && longer.Length == 1 ? longer[0] : null;
    }

    private static int Distance(string left, string right)
    {
        int[,] cost = new int[left.Length + 1, right.Length + 1];
        for (int i = 0; i <= left.Length; i++)
        {
            for (int j = 0; j <= right.Length; j++)
            {
                cost[i, j] = i == 0 ? j : j == 0 ? i : Cheapest(cost, left, right, i, j);
            }
        }

        return cost[left.Length, right.Length];
    }

    private static int Cheapest(int[,] cost, string left, string right, int i, int j)
    {
        int replaced = cost[i - 1, j - 1] + (Same(left[i - 1], right[j - 1]) ? 0 : 1);
        int best = Math.Min(replaced, Math.Min(cost[i - 1, j], cost[i, j - 1]) + 1);
        bool swapped = i > 1 && j > 1 && Same(left[i - 1], right[j - 2]) && Same(left[i - 2], right[j - 1]);
        return swapped ? Math.Min(best, cost[i - 2, j - 2] + 1) : best;
    }

    private static bool Same(char a, char b) => char.ToLowerInvariant(a) == char.ToLowerInvariant(b);
}
