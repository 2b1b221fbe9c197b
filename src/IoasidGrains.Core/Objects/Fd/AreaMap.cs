// The areas of one IOASID, sorted by start; an immutable value.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>A memory and how many areas name it; none: the position is free.</summary>
public readonly record struct MemorySlot(GuestMemoryId Memory, int Areas);

/// <summary>Disjoint areas in order of their IOVA. Finding one costs log n; adding or removing one makes a new map that shares the rest.</summary>
public sealed class AreaMap
{
    public static readonly AreaMap Empty = new([], 0, []);

    private const int MaxMemories = 32;

    private static readonly Comparer<Area> ByStart = Comparer<Area>.Create((a, b) => a.Range.Start.CompareTo(b.Range.Start));

    private readonly ImmutableList<Area> _areas;

    private AreaMap(ImmutableList<Area> areas, ulong bytes, ImmutableList<MemorySlot> memories)
    {
        _areas = areas;
        Bytes = bytes;
        Memories = memories;
    }

    public int Count => _areas.Count;

    /// <summary>Mapped bytes.</summary>
    public ulong Bytes { get; }

    /// <summary>The memories that are mapped here. A page table puts the position above the 47 bits of a user address to make a physical one; a free position is used again.</summary>
    public ImmutableList<MemorySlot> Memories { get; }

    public IReadOnlyList<Area> All => _areas;

    public static AreaMap Of(IEnumerable<Area> areas) => areas.Aggregate(Empty, (map, area) => map.Add(area));

    /// <summary>The areas that share at least one byte with the range, in order.</summary>
    public IEnumerable<Area> Overlapping(IovaRange range)
    {
        for (int i = FirstEndingAtOrAfter(range.Start); i < _areas.Count && _areas[i].Range.Start <= range.Last; i++)
        {
            yield return _areas[i];
        }
    }

    public bool AnyOverlaps(IovaRange range) => Overlapping(range).Any();

    /// <summary>The area with exactly this range, or null.</summary>
    public Area? Find(IovaRange range)
    {
        int index = FirstEndingAtOrAfter(range.Start);
        return index < _areas.Count && _areas[index].Range == range ? _areas[index] : null;
    }

    /// <summary>False if this would be one memory more than 52 bits of physical address can tell apart.</summary>
    public bool HasRoomFor(GuestMemoryId memory) => Memories.Count < MaxMemories || Memories.Exists(slot => slot.Areas == 0 || slot.Memory == memory);

    /// <summary>The position of a memory that is mapped here.</summary>
    public int SlotOf(GuestMemoryId memory) => Memories.FindIndex(slot => slot.Memory == memory && slot.Areas > 0);

    /// <summary>With one more area, which overlaps none.</summary>
    public AreaMap Add(Area area)
    {
        int index = FirstEndingAtOrAfter(area.Range.Start);
        return new AreaMap(_areas.Insert(index, area), Bytes + area.Range.Length,
            Counted(area.Memory.Memory));
    }

    /// <summary>Without the area of exactly this range.</summary>
    public AreaMap Remove(IovaRange range)
    {
        int index = FirstEndingAtOrAfter(range.Start);
        Invariant.Check(index < _areas.Count && _areas[index].Range == range, $"There is no area {range} to remove.");
        int slot = SlotOf(_areas[index].Memory.Memory);
        return new AreaMap(
            _areas.RemoveAt(index), Bytes - range.Length, Memories.SetItem(slot, Memories[slot] with { Areas = Memories[slot].Areas - 1 }));
    }

    private ImmutableList<MemorySlot> Counted(GuestMemoryId memory)
    {
        int slot = SlotOf(memory);
        if (slot >= 0)
        {
            return Memories.SetItem(slot, Memories[slot] with { Areas = Memories[slot].Areas + 1 });
        }

        int free = Memories.FindIndex(item => item.Areas == 0);
        return free >= 0 ? Memories.SetItem(free, new MemorySlot(memory, 1)) : Memories.Add(new MemorySlot(memory, 1));
    }

    private int FirstEndingAtOrAfter(ulong start)
    {
        int index = _areas.BinarySearch(new Area(new IovaRange(start, start), default, DmaAccess.None), ByStart);
        if (index >= 0)
        {
            return index;
        }

        index = ~index;
        return index > 0 && _areas[index - 1].Range.Last >= start ? index - 1 : index;
    }
}
