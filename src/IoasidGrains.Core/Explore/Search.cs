// The search of all histories of one profile over a small host, breadth first, on all cores; used by the explore verb.
namespace IoasidGrains.Core;

/// <summary>
/// Level by level: every move from every state of the level before is executed on the objects and checked. A state that was seen before is not gone on from. What is found does not
/// depend on the number of threads: of equal states, and of broken histories, the first in order counts.
/// </summary>
/// <param name="memory">Bytes that the process may use.</param>
public sealed class Search(Topology topology, Profile profile, int threads, long memory)
{
    private const int NothingYet = -1;

    private readonly VisitedStates _visited = new();
    private readonly Checks _checks = new(topology, profile);
    private readonly StateKey _names = new(topology);
    private readonly WorldPlaces _places = new();
    private readonly BrokenCheck?[] _broken = new BrokenCheck?[Checks.Count];

    /// <summary>By what the user has chosen: what it was given first, and in which state.</summary>
    private readonly Dictionary<UInt128, (uint Given, int State)> _outcomes = [];

    private SearchThread[] _threads = [];
    private long _histories;

    /// <summary>Told of every check that is found broken, at the end of its level.</summary>
    public Action<BrokenCheck> Found { get; init; } = _ => { };

    /// <summary>Told as soon as some history of the shortest length is known to break a check, by the thread that has found it; which one is shown is known at the end of the level.</summary>
    public Action<CheckKind> Seen { get; init; } = _ => { };

    /// <summary>The level that is searched now.</summary>
    public int Level { get; private set; }

    /// <summary>States of earlier levels.</summary>
    public int States => _visited.Count;

    /// <summary>Histories so far; any thread may ask.</summary>
    public long Histories => Interlocked.Read(ref _histories) + _threads.Sum(thread => thread.Histories);

    /// <summary>Searches all histories of up to <paramref name="depth"/> moves.</summary>
    public SearchResult Run(int depth, CancellationToken stop)
    {
        _threads = [.. Enumerable.Range(0, Math.Max(1, threads)).Select(_ => new SearchThread(topology, profile, _places, _checks, _names, _visited))];
        HostState[] level = [Begin()];
        int first = 0;
        SearchEnd end = SearchEnd.Complete;
        while (Level < depth && level.Length > 0 && end == SearchEnd.Complete)
        {
            Level++;
            var found = new NewStates();
            end = SearchLevel(new SearchLevel(level, first, Level == depth, memory, Skipped, found, Seen), stop);
            first = _visited.Count;
            level = Finish(found, first);
            _histories += _threads.Sum(thread => thread.TakeHistories());
        }

        int complete = end == SearchEnd.Complete ? depth : Level - 1;
        return new SearchResult(
            profile, complete, end, _visited.Count, Histories, [.. _broken.OfType<BrokenCheck>()], (double)_visited.Bytes / _visited.Count);
    }

    /// <summary>Checks that are broken already: a longer history that breaks them again says nothing new.</summary>
    private uint Skipped => _broken.OfType<BrokenCheck>().Aggregate(0u, (all, broken) => all | Checks.Bit(broken.Check));

    private HostState Begin()
    {
        ExploredHost host = _threads[0].Host;
        _visited.Add(_names.Of(host.Facts, host.Oracle, null), NothingYet, 0);
        Compare(host.Facts.Settled ? _names.OutcomeOf(host.Facts) : null, 0);
        for (int check = 0; check < Checks.Count; check++)
        {
            if ((_checks.Broken(host.Facts, default) & Checks.Bit((CheckKind)check)) != 0)
            {
                Break(new BrokenCheck((CheckKind)check, []));
            }
        }

        return _threads[0].Save();
    }

    private SearchEnd SearchLevel(SearchLevel level, CancellationToken stop)
    {
        SearchThreads.RunAll(Array.ConvertAll<SearchThread, Action>(_threads, thread => () => thread.Search(level, stop)));
        for (int check = 0; check < Checks.Count; check++)
        {
            ulong order = _threads.Min(thread => thread.FirstBroken[check]);
            if (order != ulong.MaxValue)
            {
                Break(new BrokenCheck((CheckKind)check, [.. PathTo((int)(order >> 16)), MoveAt((int)(order & 0xFFFF))]));
            }
        }

        return level.End;
    }

    /// <summary>Numbers the new states in order; the next level starts from them.</summary>
    private HostState[] Finish(NewStates found, int first)
    {
        NewState[] all = found.InOrder();
        foreach (NewState state in all)
        {
            _visited.Add(state.Key, state.Parent, state.Move);
        }

        for (int i = 0; i < all.Length; i++)
        {
            Compare(all[i].Outcome, first + i);
        }

        return all.Length == 0 || all[0].State is null ? [] : Array.ConvertAll(all, state => state.State!);
    }

    /// <summary>Was the user given something else for the same choice before?</summary>
    private void Compare(Outcome? outcome, int state)
    {
        if (outcome is not { } given || _broken[(int)CheckKind.HistoryDependent] is not null)
        {
            return;
        }

        if (!_outcomes.TryGetValue(given.Chosen, out (uint Given, int State) before))
        {
            _outcomes.Add(given.Chosen, (given.Given, state));
        }
        else if (before.Given != given.Given)
        {
            Break(new BrokenCheck(CheckKind.HistoryDependent, PathTo(state), PathTo(before.State)));
            _outcomes.Clear();
        }
    }

    private void Break(BrokenCheck broken)
    {
        if (broken.Check == CheckKind.HistoryDependent || broken.Steps == 0)
        {
            Seen(broken.Check);
        }

        _broken[(int)broken.Check] = broken;
        Found(broken);
    }

    private Move[] PathTo(int state) => [.. _visited.PathTo(state).Select(MoveAt)];

    private Move MoveAt(int index) => _threads[0].Host.Alphabet.Moves[index];
}
