// Which page tables were lost and filled again, and where; the log grain has one and tells every silo.
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>
/// A silo that is cut off cannot be told that one of its page tables lives again elsewhere. So it is not told, it asks, and uses none of its tables unless it
/// has asked within the length of a lease; and whoever fills a table again says so here first, and waits for as long before anything is taken away
/// (performance 6.3). That holds however the table came to live twice: a dead silo that is not, or a directory that lost its entry.
/// </summary>
internal sealed class Takeovers
{
    private readonly long _life = Random.Shared.NextInt64();
    private readonly Dictionary<PageTableId, (long Number, SiloAddress Silo)> _taken = [];
    private long _last;

    /// <summary>The table lives on this silo now.</summary>
    public void Take(PageTableId table, SiloAddress silo) => _taken[table] = (++_last, silo);

    /// <summary>What was taken from a silo since it asked last.</summary>
    /// <param name="silo">Who asks.</param>
    /// <param name="last">The <see cref="TakenTables.Last"/> that it knows.</param>
    public TakenTables Since(SiloAddress silo, long last) => new(
        _life, _last, last == _last ? [] : [.. _taken.Where(taken => taken.Value.Number > last && !taken.Value.Silo.Equals(silo)).Select(taken => taken.Key)]);
}
