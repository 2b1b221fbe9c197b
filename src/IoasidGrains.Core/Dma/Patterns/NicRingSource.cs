// A network card under load: four queues, each with a receive and a send ring, all of them busy (performance: NIC ring).
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// A round serves some packets of each ring in four bursts: receive descriptors read; received packets and their descriptors written; send
/// descriptors and packets read; send descriptors written. In the window stand first the buffers, ring after ring, then the descriptors.
/// </summary>
internal sealed class NicRingSource : DmaSource
{
    private const int Queues = 4;
    private const int Rings = 2 * Queues;
    private const int BufferSize = 2048;
    private const int DescriptorSize = 64;
    private const int UsualDepth = 512;

    /// <summary>Packets of one ring in a round: what a driver polls for at once (NAPI's weight), and what fits in one burst with its descriptors.</summary>
    private const int Budget = MaxBurst / Rings;

    private readonly ulong _buffers;
    private readonly ulong _descriptors;
    private readonly int _depth;
    private readonly int _packets;
    private int _next;
    private int _phase;

    public NicRingSource(DmaWorkload workload)
    {
        PatternWindow window = PatternWindow.Of(workload.Window);
        int asked = workload.Depth == 0 ? UsualDepth : workload.Depth;
        ulong pages = PatternWindow.PagesOf((ulong)asked * Rings * (BufferSize + DescriptorSize));
        ulong fitting = Math.Min(pages, window.Pages) * Quantity.PageSize / (Rings * (BufferSize + DescriptorSize));
        _depth = (int)Math.Min((ulong)asked, fitting);
        _packets = Math.Min(Budget, _depth);
        _buffers = window.Start;
        _descriptors = window.Start + ((ulong)_depth * Rings * BufferSize);
    }

    public override DmaBurst Next(Span<ulong> iovas, Span<int> lengths)
    {
        var burst = new BurstWriter(iovas, lengths);
        bool sends = _phase >= 2;
        bool writes = (_phase & 1) == 1;
        for (int ring = sends ? Queues : 0, end = ring + Queues; ring < end; ring++)
        {
            AddRing(ref burst, ring, packets: sends != writes);
        }

        _phase = (_phase + 1) & 3;
        if (_phase == 0)
        {
            _next = At(_packets);
        }

        return burst.End(writes ? DmaAccess.Write : DmaAccess.Read, burst.Count);
    }

    private void AddRing(ref BurstWriter burst, int ring, bool packets)
    {
        ulong buffers = _buffers + ((ulong)ring * (ulong)_depth * BufferSize);
        ulong descriptors = _descriptors + ((ulong)ring * (ulong)_depth * DescriptorSize);
        burst.Take(packets ? 2 * _packets : _packets, out Span<ulong> iovas, out Span<int> lengths);
        for (int packet = 0, place = 0; packet < _packets; packet++)
        {
            ulong index = (ulong)At(packet);
            if (packets)
            {
                (iovas[place], lengths[place]) = (buffers + (index * BufferSize), BufferSize);
                place++;
            }

            (iovas[place], lengths[place]) = (descriptors + (index * DescriptorSize), DescriptorSize);
            place++;
        }
    }

    /// <summary>The position in a ring, so many packets from the next one; never more than the ring has.</summary>
    private int At(int packets) => _next + packets < _depth ? _next + packets : _next + packets - _depth;
}
