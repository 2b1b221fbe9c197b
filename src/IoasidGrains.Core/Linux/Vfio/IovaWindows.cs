// The ranges of IOVA that a type1 container permits: the aperture of its domains without reserved ranges; used by Type1Groups.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>Sorted, disjoint ranges. An empty list permits everything.</summary>
internal static class IovaWindows
{
    public static readonly IovaRange Everything = new(0, ulong.MaxValue);

    /// <summary>The aperture shares nothing with the windows, or leaves out a mapping.</summary>
    public static bool ConflictsWith(Type1 type1, IovaRange aperture)
    {
        if (type1.Windows.IsEmpty)
        {
            return false;
        }

        (ulong first, ulong last) = (type1.Windows[0].Start, type1.Windows[^1].Last);
        return aperture.Start > last || aperture.Last < first
            || (aperture.Start > first && type1.Find(first, aperture.Start - first) is not null)
            || (aperture.Last < last && type1.Find(aperture.Last + 1, last - aperture.Last) is not null);
    }

    /// <summary>Cut to an aperture, which shares something with them. A window that begins with its own last byte is left out, as the kernel does.</summary>
    public static ImmutableArray<IovaRange> Cut(ImmutableArray<IovaRange> windows, IovaRange aperture)
    {
        if (windows.IsEmpty)
        {
            return [aperture];
        }

        int first = 0;
        while (first < windows.Length && aperture.Start >= windows[first].Start && aperture.Start >= windows[first].Last)
        {
            first++;
        }

        List<IovaRange> cut = [.. windows.Skip(first)];
        if (cut.Count > 0 && aperture.Start >= cut[0].Start)
        {
            cut[0] = cut[0] with { Start = aperture.Start };
        }

        return [.. cut.Where(window => aperture.Last > window.Last || aperture.Last > window.Start)
            .Select(window => aperture.Last > window.Last ? window : window with { Last = aperture.Last })];
    }

    public static ImmutableArray<IovaRange> Without(ImmutableArray<IovaRange> windows, IEnumerable<IovaRange> reserved)
    {
        List<IovaRange> left = [.. windows];
        foreach (IovaRange hole in reserved)
        {
            left = [.. left.SelectMany(window => Without(window, hole))];
        }

        return [.. left];
    }

    private static IEnumerable<IovaRange> Without(IovaRange window, IovaRange hole)
    {
        if (!window.Overlaps(hole))
        {
            yield return window;
            yield break;
        }

        if (hole.Start > window.Start)
        {
            yield return window with { Last = hole.Start - 1 };
        }

        if (hole.Last < window.Last)
        {
            yield return window with { Start = hole.Last + 1 };
        }
    }
}
