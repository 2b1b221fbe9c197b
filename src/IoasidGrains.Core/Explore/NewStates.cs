// The states that one level of a search finds; used by Search.
using System.Runtime.InteropServices;

namespace IoasidGrains.Core;

/// <summary>A state that was not seen on any level before.</summary>
/// <param name="State">Null on the last level, from where nothing goes on.</param>
/// <param name="Outcome">What the user has chosen and is given; null if it is as before the move, or not settled.</param>
internal readonly record struct NewState(UInt128 Key, int Parent, int Move, HostState? State, Outcome? Outcome)
{
    /// <summary>Smaller: earlier in the order of all histories of this length.</summary>
    public ulong Order => OrderOf(Parent, Move);

    public static ulong OrderOf(int parent, int move) => ((ulong)(uint)parent << 16) | (uint)move;
}

/// <summary>Filled by all threads at once. Of several ways to one state the first in order is kept, so that the result is the same in every run.</summary>
internal sealed class NewStates
{
    private const int Shards = 256;

    private readonly Dictionary<UInt128, NewState>[] _shards = [.. Enumerable.Range(0, Shards).Select(_ => new Dictionary<UInt128, NewState>())];

    /// <summary>Keeps a way to a state, unless an earlier one is known; <paramref name="make"/> is asked only then.</summary>
    public void Add<TContext>(UInt128 key, int parent, int move, TContext context, Func<TContext, (HostState? State, Outcome? Outcome)> make)
    {
        Dictionary<UInt128, NewState> shard = _shards[(int)(key >> 120)];
        lock (shard)
        {
            ref NewState known = ref CollectionsMarshal.GetValueRefOrAddDefault(shard, key, out bool exists);
            if (!exists || NewState.OrderOf(parent, move) < known.Order)
            {
                (HostState? state, Outcome? outcome) = make(context);
                known = new NewState(key, parent, move, state, outcome);
            }
        }
    }

    public int Count => _shards.Sum(shard => shard.Count);

    /// <summary>All of them in order.</summary>
    public NewState[] InOrder()
    {
        NewState[] all = [.. _shards.SelectMany(shard => shard.Values)];
        ulong[] orders = Array.ConvertAll(all, state => state.Order);
        Array.Sort(orders, all);
        return all;
    }
}
