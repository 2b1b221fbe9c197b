// What a system call does to devices and their page tables; told to the objects that do DMA.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>
/// One change of what devices translate. An address space (of an IOAS, of a container) is named by its <see cref="SyscallFrame.NextNumber"/>; it is live from the
/// first table that a device joins until the last one is left.
/// </summary>
public abstract record LiveChange;

/// <summary>The process owns the DMA of the device: it is blocked until it joins a table.</summary>
public sealed record DeviceHeld(DeviceFacts Device) : LiveChange;

/// <summary>The process has let the device go.</summary>
public sealed record DeviceFreed(DeviceId Device) : LiveChange;

/// <summary>The device translates through this table of the space from now on; it is attached to none.</summary>
/// <param name="Table">A number that no other table of the space has while this one lives.</param>
/// <param name="EnforceSnoop">The table's format from now on.</param>
/// <param name="Translated">What the table translates; it is wide enough for that.</param>
/// <param name="Areas">All areas of the space, page aligned; asked for only if the space is not live yet.</param>
public sealed record TableJoined(DeviceId Device, int Space, int Table, bool EnforceSnoop, IovaRange Translated, Func<IEnumerable<Area>> Areas) : LiveChange
{
    /// <summary>See <see cref="DmaRoute.ForcesSnoop"/>.</summary>
    public bool ForcesSnoop { get; init; }

    /// <summary>The table notes which pages are written.</summary>
    public bool TracksDirty { get; init; }
}

/// <summary>The device, which had joined, is blocked again.</summary>
/// <param name="EnforceSnoop">The format of the table from now on, if other devices stay.</param>
public sealed record TableLeft(DeviceId Device, bool EnforceSnoop) : LiveChange;

/// <summary>An area was added to a space; no-op for one that is not live.</summary>
public sealed record SpaceMapped(int Space, Area Area) : LiveChange;

/// <summary>Whole areas were removed from a space; no-op for one that is not live.</summary>
public sealed record SpaceUnmapped(int Space, IovaRange[] Ranges) : LiveChange;

/// <summary>Tables of a space note which pages are written, from nothing on; or no more.</summary>
public sealed record SpaceTracked(int Space, bool Enabled) : LiveChange;

/// <summary>Which pages of a space were written is known where devices translate; a call asks it when it is done.</summary>
/// <param name="Data">Where the bits go: one per page from the start of the range.</param>
public sealed record DirtyQuestion(int Space, IovaRange Range, ulong PageSize, bool NoClear, ulong Data)
{
    /// <summary>The IOVA of the first bit.</summary>
    public ulong First { get; } = Range.Start;

    /// <summary>Sets the bits of pages that were found dirty.</summary>
    public void Tell(SyscallFrame frame, DirtyBitmap found)
    {
        for (int word = 0; word < found.Words.Length; word++)
        {
            for (ulong bits = found.Words[word]; bits != 0; bits &= bits - 1)
            {
                ulong page = found.Iova + ((ulong)((word * 64) + System.Numerics.BitOperations.TrailingZeroCount(bits)) * found.PageSize);
                DirtyIoctls.SetBits(frame, Data, (page - First) / PageSize, (page + found.PageSize - 1 - First) / PageSize);
            }
        }
    }
}

/// <summary>The VM's kvm-vfio device has registered, or unregistered, non-coherent DMA.</summary>
public sealed record NoncoherentDma(VmId Vm, bool Registered) : LiveChange;
