// Device regions that a process has mapped with mmap(); used by device files and by type1, which can map them for DMA.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>A mapping keeps its device file open, also after the descriptor is closed. What lay at the same addresses before is replaced.</summary>
internal static class RegionMappings
{
    public static void Map(SyscallFrame frame, int file, UserRegion region)
    {
        FileReferences.Get(frame, new VfioDeviceFile(file));
        foreach (UserRegion old in frame.State.Regions.Values.Where(old => old.Start <= region.Last && region.Start <= old.Last).ToArray())
        {
            Replace(frame, old, region);
        }

        Add(frame, region, file);
    }

    /// <summary>The process ends.</summary>
    public static void UnmapAll(SyscallFrame frame)
    {
        foreach (UserRegion region in frame.State.Regions.Values.ToArray())
        {
            int file = Remove(frame, region);
            FileReferences.Put(frame, new VfioDeviceFile(file));
        }
    }

    /// <summary>Pages from the address on, at most this many bytes, that can be pinned for DMA, and how many bytes of them are memory, which is counted against a limit.</summary>
    public static (ulong Pinned, ulong Counted) Pin(SyscallFrame frame, ulong address, ulong length, bool write)
    {
        ulong counted = 0;
        ulong next = address;
        ulong end = address + length;
        while (next < end)
        {
            UserRegion? region = At(frame.State, next);
            ulong stop = Math.Min(end, region is { } inside ? inside.Last + 1 : NextStart(frame.State, next, end));
            ulong pinned = region is null ? PrefixThatPins(frame, next, stop - next, write) : region.Value.Writable || !write ? stop - next : 0;
            counted += region is null ? pinned : 0;
            next += pinned;
            if (next < stop)
            {
                break;
            }
        }

        return (next - address, counted);
    }

    private static UserRegion? At(ProcessState state, ulong address)
    {
        foreach (UserRegion region in state.Regions.Values)
        {
            if (address >= region.Start && address <= region.Last)
            {
                return region;
            }
        }

        return null;
    }

    private static ulong NextStart(ProcessState state, ulong from, ulong end) => state.Regions.Keys.FirstOrDefault(start => start > from && start < end, end);

    /// <summary>The longest beginning of whole pages that can be pinned.</summary>
    private static ulong PrefixThatPins(SyscallFrame frame, ulong address, ulong length, bool write)
    {
        (ulong can, ulong cannot) = (0, (length / Quantity.PageSize) + 1);
        if (frame.CanPin(address, length, write))
        {
            return length;
        }

        while (cannot - can > 1)
        {
            ulong middle = can + ((cannot - can) / 2);
            (can, cannot) = frame.CanPin(address, middle * Quantity.PageSize, write) ? (middle, cannot) : (can, middle);
        }

        return can * Quantity.PageSize;
    }

    private static void Add(SyscallFrame frame, UserRegion region, int file) => frame.State = frame.State with
    {
        Regions = frame.State.Regions.Add(region.Start, region),
        RegionMappings = frame.State.RegionMappings.Add(region.Start, new RegionMapping(file)),
    };

    private static int Remove(SyscallFrame frame, UserRegion region)
    {
        int file = frame.State.RegionMappings[region.Start].File;
        frame.State = frame.State with { Regions = frame.State.Regions.Remove(region.Start), RegionMappings = frame.State.RegionMappings.Remove(region.Start) };
        return file;
    }

    /// <summary>What is left of a mapping on both sides of a new one.</summary>
    private static void Replace(SyscallFrame frame, UserRegion old, UserRegion by)
    {
        int file = Remove(frame, old);
        if (old.Start < by.Start)
        {
            FileReferences.Get(frame, new VfioDeviceFile(file));
            Add(frame, old with { Last = by.Start - 1 }, file);
        }

        if (old.Last > by.Last)
        {
            FileReferences.Get(frame, new VfioDeviceFile(file));
            Add(frame, old with { Start = by.Last + 1 }, file);
        }

        FileReferences.Put(frame, new VfioDeviceFile(file));
    }
}
