// What the kernel itself holds of an address space: pins of iommufd's self test. Used by mapping and by the self test.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>An unmap tells every access, which lets go of what it has pinned there.</summary>
public static class KernelAccesses
{
    public static IEnumerable<KernelAccess> Of(IommufdContext context, uint ioas) => context.Objects.Values.OfType<KernelAccess>().Where(access => access.Ioas == ioas);

    public static bool Pins(IommufdContext context, uint ioas, IovaRange range) => Of(context, ioas).Any(access => access.Pinned.Values.Any(range.Overlaps));

    /// <summary>Without the pins of an address space that overlap the range.</summary>
    public static IommufdContext LetGo(IommufdContext context, uint ioas, IovaRange range)
    {
        foreach (KernelAccess access in Of(context, ioas).Where(access => access.Pinned.Values.Any(range.Overlaps)).ToArray())
        {
            context = context.With(access with { Pinned = access.Pinned.RemoveRange(access.Pinned.Where(pin => range.Overlaps(pin.Value)).Select(pin => pin.Key)) });
        }

        return context;
    }

    public static IEnumerable<IoArea> PinnedOf(IommufdContext context, Ioas ioas) =>
        Of(context, ioas.Id).SelectMany(access => access.Pinned.Values).SelectMany(range => Mapping.PartsOf(ioas.Pages, range, out _));
}
