// The states that a search has seen: their keys, and for each how it was reached first. Used by Search.
namespace IoasidGrains.Core;

/// <summary>
/// Keys of 128 bits in an open-addressing table, and beside it per state the number of the state before it and the move. Any thread may look while nobody adds.
/// </summary>
public sealed class VisitedStates
{
    /// <summary>Of a full table before it grows.</summary>
    private const int MostInPercent = 80;

    private UInt128[] _keys = new UInt128[1024];
    private int[] _parents = new int[512];
    private ushort[] _moves = new ushort[512];

    /// <summary>States so far; the next one gets this number.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes that it takes now.</summary>
    public long Bytes => (16L * _keys.Length) + (4L * _parents.Length) + (2L * _moves.Length);

    public bool Contains(UInt128 key) => _keys[PlaceOf(_keys, key)] == key;

    /// <summary>Adds a state that is not there.</summary>
    /// <param name="parent">The number of the state before it; -1 for the first.</param>
    /// <param name="move">Index in the alphabet.</param>
    public void Add(UInt128 key, int parent, int move)
    {
        if ((Count + 1L) * 100 > (long)_keys.Length * MostInPercent)
        {
            Grow();
        }

        if (Count == _parents.Length)
        {
            int length = Count + (Count / 2);
            Array.Resize(ref _parents, length);
            Array.Resize(ref _moves, length);
        }

        _keys[PlaceOf(_keys, key)] = key;
        (_parents[Count], _moves[Count]) = (parent, (ushort)move);
        Count++;
    }

    /// <summary>The moves that lead from the first state to this one.</summary>
    public List<int> PathTo(int state)
    {
        List<int> path = [];
        for (; _parents[state] >= 0; state = _parents[state])
        {
            path.Add(_moves[state]);
        }

        path.Reverse();
        return path;
    }

    private void Grow()
    {
        var grown = new UInt128[_keys.Length * 2];
        foreach (UInt128 key in _keys)
        {
            if (key != default)
            {
                grown[PlaceOf(grown, key)] = key;
            }
        }

        _keys = grown;
    }

    /// <summary>Where the key is, or the free place where it belongs. A key of zero would be a free place: no state has it, but for a chance of one in 2^128.</summary>
    private static int PlaceOf(UInt128[] keys, UInt128 key)
    {
        int mask = keys.Length - 1;
        int place = (int)(ulong)key & mask;
        while (keys[place] != default && keys[place] != key)
        {
            place = (place + 1) & mask;
        }

        return place;
    }
}
