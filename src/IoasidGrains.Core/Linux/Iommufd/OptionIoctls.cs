// IOMMU_OPTION and IOMMU_VFIO_IOAS. Called by Iommufd.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Options of a context and of an address space; the address space that VFIO's old ioctls mean.</summary>
public static class OptionIoctls
{
    private const uint RlimitMode = LinuxFlags.IOMMU_OPTION_RLIMIT_MODE, HugePages = LinuxFlags.IOMMU_OPTION_HUGE_PAGES;
    private const ushort Set = (ushort)LinuxFlags.IOMMU_OPTION_OP_SET, Get = (ushort)LinuxFlags.IOMMU_OPTION_OP_GET;
    private const ushort CompatGet = (ushort)LinuxFlags.IOMMU_VFIO_IOAS_GET, CompatSet = (ushort)LinuxFlags.IOMMU_VFIO_IOAS_SET,
        CompatClear = (ushort)LinuxFlags.IOMMU_VFIO_IOAS_CLEAR;

    public static Errno Option(IommufdCall call)
    {
        Errno errno = call.Read(24, out IommuOption cmd);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (cmd.Reserved != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        errno = cmd.OptionId switch
        {
            RlimitMode => Rlimit(call, ref cmd),
            HugePages => Huge(call, ref cmd),
            _ => Errno.EOPNOTSUPP,
        };
        return errno == Errno.OK ? call.Respond(cmd) : errno;
    }

    private static Errno Rlimit(IommufdCall call, ref IommuOption cmd)
    {
        if (cmd.ObjectId != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if (cmd.Op == Get)
        {
            cmd.Val64 = call.Context.ChargesProcess ? 1UL : 0UL;
            return Errno.OK;
        }

        if (cmd.Op != Set)
        {
            return Errno.EOPNOTSUPP;
        }

        if (!call.Frame.State.Options.Privileged)
        {
            return Errno.EPERM;
        }

        if (!call.Context.Objects.IsEmpty)
        {
            return Errno.EBUSY;
        }

        if (cmd.Val64 > 1)
        {
            return Errno.EINVAL;
        }

        call.Context = call.Context with { ChargesProcess = cmd.Val64 == 1 };
        return Errno.OK;
    }

    private static Errno Huge(IommufdCall call, ref IommuOption cmd)
    {
        if (call.Context.Find<Ioas>(cmd.ObjectId) is not { } ioas)
        {
            return Errno.ENOENT;
        }

        if (cmd.Op == Get)
        {
            cmd.Val64 = ioas.Pages.LargePagesDisabled ? 0UL : 1UL;
            return Errno.OK;
        }

        return cmd.Op != Set ? Errno.EOPNOTSUPP : cmd.Val64 switch
        {
            0 => DisableLargePages(call, ioas),
            1 => EnableLargePages(call, ioas),
            _ => Errno.EINVAL,
        };
    }

    /// <summary>Only while no table maps anything.</summary>
    public static Errno DisableLargePages(IommufdCall call, Ioas ioas)
    {
        if (ioas.Pages.LargePagesDisabled)
        {
            return Errno.OK;
        }

        if (!ioas.Tables.IsEmpty && !ioas.Pages.Areas.IsEmpty)
        {
            return Errno.EINVAL;
        }

        Ioas changed = ioas with { Pages = ioas.Pages with { LargePagesDisabled = true } };
        ulong alignment = Tables.AlignmentOf(call.Context, changed);
        if (alignment > ioas.Pages.Alignment && !ioas.Pages.Fits(alignment))
        {
            return Errno.EADDRINUSE;
        }

        call.Context = call.Context.With(changed with { Pages = changed.Pages with { Alignment = alignment } });
        return Errno.OK;
    }

    private static Errno EnableLargePages(IommufdCall call, Ioas ioas)
    {
        Ioas changed = ioas with { Pages = ioas.Pages with { LargePagesDisabled = false } };
        call.Context = call.Context.With(changed with { Pages = changed.Pages with { Alignment = Tables.AlignmentOf(call.Context, changed) } });
        return Errno.OK;
    }

    public static Errno VfioIoas(IommufdCall call)
    {
        Errno errno = call.Read(12, out IommuVfioIoas cmd);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (cmd.Reserved != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        switch (cmd.Op)
        {
            case CompatGet when call.Context.CompatIoas == 0:
                return Errno.ENODEV;
            case CompatGet:
                cmd.IoasId = call.Context.CompatIoas;
                return call.Respond(cmd);
            case CompatSet when call.Context.Find<Ioas>(cmd.IoasId) is null:
                return Errno.ENOENT;
            case CompatSet:
                call.Context = call.Context with { CompatIoas = cmd.IoasId };
                return Errno.OK;
            case CompatClear:
                call.Context = call.Context with { CompatIoas = 0 };
                return Errno.OK;
            default:
                return Errno.EOPNOTSUPP;
        }
    }
}
