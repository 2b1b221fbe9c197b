// A virtio block device of a guest on huge pages: chains of three descriptors (virtio 1.2, 5.2.6), most data in a few hot regions.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// A round serves a batch of chains in two bursts. Reads: the descriptors of each chain, its header, and the data of those that write to the disk.
/// Writes: the data of the others, each chain's status and its used element. In the window stand first the queue and the requests, then the data.
/// </summary>
internal sealed class VirtioSource : DmaSource
{
    private const int UsualDepth = 256;
    private const int HotRegions = 2048;
    private const ulong RegionPages = 512;

    /// <summary>95 of 100 of all random numbers are below it.</summary>
    private const ulong HotShare = ulong.MaxValue / 100 * 95;

    private const int SlotSize = 64;
    private const int ChainSize = 3 * 16;
    private const int HeaderSize = 16;
    private const int StatusAt = 32;
    private const int UsedSize = 8;
    private const int Batch = 128;

    private readonly PatternWindow _window;
    private readonly int _depth;
    private readonly int _batch;
    private readonly ulong _requests;
    private readonly ulong _used;
    private readonly ulong _firstData;
    private readonly ulong _dataPages;
    private readonly ulong _regionPages;
    private readonly ulong[] _hot;
    private PatternRandom _random;
    private int _next;
    private int _round;
    private bool _writes = true;

    public VirtioSource(DmaWorkload workload)
    {
        _window = PatternWindow.Of(workload.Window);
        _random = new PatternRandom(workload.Seed);
        _depth = workload.Depth == 0 ? UsualDepth : workload.Depth;
        _batch = Math.Min(Batch, _depth);
        _requests = _window.Start + ((ulong)_depth * SlotSize);
        _used = _requests + ((ulong)_depth * SlotSize);
        ulong rings = PatternWindow.PagesOf((ulong)_depth * ((2 * SlotSize) + UsedSize));

        // Data begins at a huge page of its own if the window has room for two.
        _firstData = _window.Pages >= 2 * RegionPages ? RegionPages : rings;
        _dataPages = _window.Pages - _firstData;
        _regionPages = Math.Min(RegionPages, _dataPages);
        _hot = new ulong[Math.Min(HotRegions, _dataPages / _regionPages)];
        for (int region = 0; region < _hot.Length; region++)
        {
            _hot[region] = _firstData + (_random.Below(_dataPages / _regionPages) * _regionPages);
        }
    }

    public override DmaBurst Next(Span<ulong> iovas, Span<int> lengths)
    {
        _writes = !_writes;
        var burst = new BurstWriter(iovas, lengths);
        int toDisk = (_batch + (_round & 1)) / 2;
        if (!_writes)
        {
            AddReads(ref burst, toDisk);
            return burst.End(DmaAccess.Read, burst.Count);
        }

        AddWrites(ref burst, _batch - toDisk);
        _next = (int)At(_batch);
        _round++;
        return burst.End(DmaAccess.Write, burst.Count);
    }

    private void AddReads(ref BurstWriter burst, int data)
    {
        burst.Take(2 * _batch, out Span<ulong> iovas, out Span<int> lengths);
        for (int chain = 0, place = 0; chain < _batch; chain++, place += 2)
        {
            ulong slot = At(chain);
            (iovas[place], lengths[place]) = (_window.Start + (slot * SlotSize), ChainSize);
            (iovas[place + 1], lengths[place + 1]) = (_requests + (slot * SlotSize), HeaderSize);
        }

        AddData(ref burst, data);
    }

    private void AddWrites(ref BurstWriter burst, int data)
    {
        AddData(ref burst, data);
        burst.Take(2 * _batch, out Span<ulong> iovas, out Span<int> lengths);
        for (int chain = 0, place = 0; chain < _batch; chain++, place += 2)
        {
            ulong slot = At(chain);
            (iovas[place], lengths[place]) = (_requests + (slot * SlotSize) + StatusAt, 1);
            (iovas[place + 1], lengths[place + 1]) = (_used + (slot * UsedSize), UsedSize);
        }
    }

    private void AddData(ref BurstWriter burst, int count)
    {
        burst.Take(count, out Span<ulong> iovas, out Span<int> lengths);
        PatternRandom random = _random;
        foreach (ref ulong iova in iovas)
        {
            ulong page = random.Next() < HotShare
                ? _hot[random.Below((ulong)_hot.Length)] + random.Below(_regionPages)
                : _firstData + random.Below(_dataPages);
            iova = _window.PageAt(page);
        }

        lengths.Fill((int)Quantity.PageSize);
        _random = random;
    }

    private ulong At(int chains) => (ulong)(_next + chains < _depth ? _next + chains : _next + chains - _depth);
}
