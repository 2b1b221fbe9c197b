// An interval tree, as vhost and vfio keep ranges in one; a competitor in the report of `targets`.
namespace IoasidGrains.Benchmarks;

/// <summary>
/// A treap by start of the range, every node with the last address below it. Nodes are indexes into one array, 0 is none; given back they are used
/// again, so churn allocates nothing.
/// </summary>
internal sealed class IntervalTree : IPageMap
{
    private Node[] _nodes = new Node[1024];
    private int _count = 1;
    private int _free;
    private int _root;
    private uint _random = 2463534242;

    public bool TryMap(ulong iova, ulong entry)
    {
        if (Find(iova, iova + 4095) != 0)
        {
            return false;
        }

        int node = Take();
        _nodes[node] = new Node { Start = iova, Last = iova + 4095, MaxLast = iova + 4095, Entry = entry, Priority = NextRandom() };
        (int left, int right) = Split(_root, iova);
        _root = Join(Join(left, node), right);
        return true;
    }

    public void Unmap(ulong iova)
    {
        (int left, int rest) = Split(_root, iova);
        (int node, int right) = Split(rest, iova + 1);
        _root = Join(left, right);
        if (node != 0)
        {
            _nodes[node].Left = _free;
            _free = node;
        }
    }

    public ulong Translate(ulong iova)
    {
        int node = Find(iova, iova);
        return node == 0 ? PageTable.TranslatedWord.Fault : (_nodes[node].Entry & PageTable.IoPte.AddressMask) + (iova - _nodes[node].Start);
    }

    /// <summary>A range that overlaps this one.</summary>
    private int Find(ulong start, ulong last)
    {
        Node[] nodes = _nodes;
        int at = _root;
        while (at != 0 && (nodes[at].Start > last || nodes[at].Last < start))
        {
            int left = nodes[at].Left;
            at = left != 0 && nodes[left].MaxLast >= start ? left : nodes[at].Right;
        }

        return at;
    }

    /// <summary>Nodes that start before <paramref name="start"/>, and the others.</summary>
    private (int Left, int Right) Split(int at, ulong start)
    {
        if (at == 0)
        {
            return (0, 0);
        }

        if (_nodes[at].Start < start)
        {
            (int left, int right) = Split(_nodes[at].Right, start);
            _nodes[at].Right = left;
            Raise(at);
            return (at, right);
        }

        (int before, int after) = Split(_nodes[at].Left, start);
        _nodes[at].Left = after;
        Raise(at);
        return (before, at);
    }

    private int Join(int left, int right)
    {
        if (left == 0 || right == 0)
        {
            return left | right;
        }

        if (_nodes[left].Priority > _nodes[right].Priority)
        {
            _nodes[left].Right = Join(_nodes[left].Right, right);
            Raise(left);
            return left;
        }

        _nodes[right].Left = Join(left, _nodes[right].Left);
        Raise(right);
        return right;
    }

    private void Raise(int at)
    {
        ref Node node = ref _nodes[at];
        node.MaxLast = Math.Max(node.Last, Math.Max(_nodes[node.Left].MaxLast, _nodes[node.Right].MaxLast));
    }

    private int Take()
    {
        if (_free != 0)
        {
            int node = _free;
            _free = _nodes[node].Left;
            return node;
        }

        if (_count == _nodes.Length)
        {
            Array.Resize(ref _nodes, _count * 2);
        }

        return _count++;
    }

    private uint NextRandom()
    {
        _random ^= _random << 13;
        _random ^= _random >> 17;
        return _random ^= _random << 5;
    }

    private struct Node
    {
        public ulong Start, Last, MaxLast, Entry;
        public uint Priority;
        public int Left, Right;
    }
}
