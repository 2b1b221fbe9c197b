// Everything that one process has open, and what the kernel keeps behind it, as one immutable value.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>The owner of a group's DMA in this process.</summary>
/// <param name="Number">Of the iommufd context, or of the container.</param>
/// <param name="Count">How often it has claimed it: an iommufd once per bound device, a container once.</param>
public sealed record DmaOwner(int Number, int Count);

/// <summary>The kernel's side of one process.</summary>
public sealed record ProcessState(ProcessOptions Options)
{
    /// <summary>Every device of the host, as of the last open().</summary>
    public ImmutableSortedDictionary<DeviceId, DeviceFacts> Host { get; init; } = ImmutableSortedDictionary<DeviceId, DeviceFacts>.Empty;

    /// <summary>By descriptor.</summary>
    public ImmutableSortedDictionary<int, OpenFile> Files { get; init; } = ImmutableSortedDictionary<int, OpenFile>.Empty
        .Add(0, new TerminalFile()).Add(1, new TerminalFile()).Add(2, new TerminalFile());

    public ImmutableSortedDictionary<int, IommufdContext> Contexts { get; init; } = ImmutableSortedDictionary<int, IommufdContext>.Empty;

    /// <summary>Who owns the DMA of a group: only one driver's user at a time may.</summary>
    public ImmutableSortedDictionary<GroupId, DmaOwner> DmaOwners { get; init; } = ImmutableSortedDictionary<GroupId, DmaOwner>.Empty;

    /// <summary>Device regions that are mapped into the process by mmap(), by their first address.</summary>
    public ImmutableSortedDictionary<ulong, UserRegion> Regions { get; init; } = ImmutableSortedDictionary<ulong, UserRegion>.Empty;

    /// <summary>The last number that was given to a context, container, device file or VM; none is used twice.</summary>
    public int LastNumber { get; init; }

    /// <summary>With these as the devices of the host.</summary>
    public ProcessState Sees(DeviceFacts[] host) => this with { Host = host.ToImmutableSortedDictionary(device => device.Id, device => device) };

    public int LowestFreeFile
    {
        get
        {
            int number = 0;
            while (Files.ContainsKey(number))
            {
                number++;
            }

            return number;
        }
    }
}
