// One thread's part of a search: takes states of a level and does every move from each. Used by Search.
namespace IoasidGrains.Core;

/// <summary>A level as its threads share it.</summary>
/// <param name="states">Where it starts from; the first of them has the number <paramref name="first"/>.</param>
/// <param name="isLast">Nothing goes on from what is found.</param>
/// <param name="memory">Bytes that the process may use.</param>
/// <param name="skipped">Checks that are not looked at any more, bit by bit.</param>
/// <param name="seen">Told of each check once, by the thread that sees it broken first.</param>
internal sealed class SearchLevel(HostState[] states, int first, bool isLast, long memory, uint skipped, NewStates found, Action<CheckKind> seen)
{
    private const int Portion = 16;

    private int _taken;
    private int _end;
    private uint _seen;

    public bool IsLast => isLast;

    public uint Skipped => skipped;

    public NewStates Found => found;

    public SearchEnd End => (SearchEnd)_end;

    /// <summary>The next states to go on from, as positions; empty if there are none, or the search ends.</summary>
    public (int From, int To) Take(CancellationToken stop)
    {
        int from = Interlocked.Add(ref _taken, Portion) - Portion;
        if (from >= states.Length || End != SearchEnd.Complete)
        {
            return (0, 0);
        }

        SearchEnd end = stop.IsCancellationRequested ? SearchEnd.Stopped : IsFull() ? SearchEnd.OutOfMemory : SearchEnd.Complete;
        if (end != SearchEnd.Complete)
        {
            Interlocked.Exchange(ref _end, (int)end);
            return (0, 0);
        }

        return (from, Math.Min(from + Portion, states.Length));
    }

    public void See(CheckKind check)
    {
        if ((Interlocked.Or(ref _seen, Checks.Bit(check)) & Checks.Bit(check)) == 0)
        {
            seen(check);
        }
    }

    public HostState At(int position) => states[position];

    public int NumberOf(int position) => first + position;

    /// <summary>What is not garbage counts; looking for that takes time, so only when all together is too much.</summary>
    private bool IsFull()
    {
        if (GC.GetTotalMemory(forceFullCollection: false) <= memory)
        {
            return false;
        }

        lock (Found)
        {
            return GC.GetTotalMemory(forceFullCollection: false) > memory && GC.GetTotalMemory(forceFullCollection: true) > memory / 10 * 9;
        }
    }
}

/// <summary>Has a host of its own.</summary>
internal sealed class SearchThread(Topology topology, Profile profile, WorldPlaces places, Checks checks, StateKey names, VisitedStates visited)
{
    private readonly List<int> _moves = [];

    /// <summary>Does every move, too, under the profile that this one is compared with.</summary>
    private readonly ExploredHost? _beside = profile.Beside is { } name ? new(topology, Profiles.Find(name)!, places) : null;
    private long _histories;

    public ExploredHost Host { get; } = new(topology, profile, places);

    public HostState Save()
    {
        HostState state = Host.Save();
        state.Beside = _beside?.Save();
        return state;
    }

    private void Restore(HostState state)
    {
        Host.Restore(state);
        _beside?.Restore(state.Beside!);
    }

    /// <summary>Histories since they were taken; any thread may ask.</summary>
    public long Histories => Volatile.Read(ref _histories);

    /// <summary>By check: the first history of this level that breaks it; all ones: none does.</summary>
    public ulong[] FirstBroken { get; } = new ulong[Checks.Count];

    public long TakeHistories() => Interlocked.Exchange(ref _histories, 0);

    public void Search(SearchLevel level, CancellationToken stop)
    {
        Array.Fill(FirstBroken, ulong.MaxValue);
        for ((int from, int to) = level.Take(stop); from < to; (from, to) = level.Take(stop))
        {
            for (int position = from; position < to; position++)
            {
                GoOnFrom(level, level.At(position), level.NumberOf(position));
            }
        }
    }

    private void GoOnFrom(SearchLevel level, HostState state, int number)
    {
        Restore(state);
        _moves.Clear();
        for (int move = 0; move < Host.Alphabet.Moves.Count; move++)
        {
            if (Alphabet.MakesSense(Host.Alphabet.Moves[move], Host.Facts))
            {
                _moves.Add(move);
            }
        }

        foreach (int move in _moves)
        {
            Try(level, state, number, move);
            Restore(state);
        }

        Volatile.Write(ref _histories, _histories + _moves.Count);
    }

    private void Try(SearchLevel level, HostState state, int number, int index)
    {
        Move move = Host.Alphabet.Moves[index];
        Uapi.Errno errno = Do(move, number);
        uint promises = Checks.Bit(CheckKind.Promise, _beside is not null && BreaksPromise(_beside, move, errno)) & ~level.Skipped;
        if (errno != Uapi.Errno.OK)
        {
            // A plug is several commands, the first of which may have been done.
            Invariant.Check(move.Kind is MoveKind.Plug or MoveKind.Unplug || Host.IsIn(state), $"{move} was refused and has changed something.");
            Note(promises, NewState.OrderOf(number, index), level);
            return;
        }

        uint broken = checks.Broken(Host.Facts, move) | Checks.Bit(CheckKind.WrongBytes, Host.WrongByte);
        Note(promises | (broken & ~level.Skipped), NewState.OrderOf(number, index), level);
        UInt128 key = names.Of(Host.Facts, Host.Oracle, _beside?.Facts);
        if (!visited.Contains(key))
        {
            level.Found.Add(key, number, index, (Thread: this, level.IsLast, move.TouchesMemoryOnly), static made =>
                (made.IsLast ? null : made.Thread.Save(), made.TouchesMemoryOnly ? null : made.Thread.Outcome));
        }
    }

    /// <summary>
    /// Refused where the other profile does not refuse; a page in more tables than one, or pinned more often than there; or wbinvd emulated while nobody may do non-coherent DMA.
    /// </summary>
    private bool BreaksPromise(ExploredHost beside, Move move, Uapi.Errno errno) =>
        (beside.Do(move) == Uapi.Errno.OK && errno != Uapi.Errno.OK)
        || Host.Facts.LockedBytes > beside.Facts.LockedBytes
        || Array.Exists(Host.Facts.Ioasids, ioasid => System.Numerics.BitOperations.PopCount(ioasid.Tables & 0x55555555) > 1)
        || (Host.Facts.Emulates && checks.Suspect(Host.Facts) < 0);

    /// <summary>A bug of the objects is told with the history that shows it.</summary>
    private Uapi.Errno Do(Move move, int number)
    {
        try
        {
            return Host.Do(move);
        }
        catch (InvariantException bug)
        {
            string history = string.Join(", ", visited.PathTo(number).Select(index => Host.Alphabet.Moves[index]).Append(move).Select(topology.TextOf));
            throw new InvariantException($"{profile.Name}: {history}: {bug.Message}");
        }
    }

    private Outcome? Outcome => Host.Facts.Settled ? names.OutcomeOf(Host.Facts) : null;

    private void Note(uint broken, ulong order, SearchLevel level)
    {
        for (int check = 0; broken != 0; check++, broken >>= 1)
        {
            if ((broken & 1) != 0)
            {
                level.See((CheckKind)check);
                FirstBroken[check] = Math.Min(FirstBroken[check], order);
            }
        }
    }
}
