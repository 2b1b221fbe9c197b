// The kernel's own accesses to an address space, as iommufd's self test makes them. Called by Selftest.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Operations that name an access by its descriptor.</summary>
public static class SelftestAccesses
{
    private const uint NeedsPin = LinuxFlags.MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES;
    private const uint RwWrite = LinuxFlags.MOCK_ACCESS_RW_WRITE, RwSlow = LinuxFlags.MOCK_ACCESS_RW_SLOW_PATH, Write = LinuxFlags.MOCK_FLAGS_ACCESS_WRITE;

    /// <summary>MOCK_FLAGS_ACCESS_SYZ: the IOVA is one of <see cref="NthArea"/>.</summary>
    public const uint Syz = LinuxFlags.MOCK_FLAGS_ACCESS_SYZ;

    private const ulong MostBytes = 16 << 20;

    public static Errno Create(IommufdCall call, IommuTestCmd cmd)
    {
        if ((cmd.AccessFlags & ~NeedsPin) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        uint id = call.Context.FreeId;
        if (call.Context.Find<Ioas>(cmd.Id) is not { } ioas)
        {
            return Errno.ENOENT;
        }

        IommufdContext context = call.Context.With(new KernelAccess(id, ioas.Id, (cmd.AccessFlags & NeedsPin) != 0 ? Quantity.PageSize : 1, IsOpen: true));
        Errno errno = Align(ref context, ioas);
        if (errno != Errno.OK)
        {
            return errno;
        }

        cmd.OutAccessFd = (uint)call.Frame.State.LowestFreeFile;
        errno = call.Respond(cmd);
        if (errno == Errno.OK)
        {
            call.Context = context;
            call.Frame.Install(new AccessFile(context.Number, id));
        }

        return errno;
    }

    /// <summary>Moves to another address space; what it has pinned is let go.</summary>
    public static Errno Move(IommufdCall call, in IommuTestCmd cmd)
    {
        Errno errno = Find(call, cmd.Id, out KernelAccess? access, out IommufdCall own);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (own.Context.Find<Ioas>(cmd.IoasId) is not { } ioas)
        {
            return Errno.ENOENT;
        }

        if (ioas.Id == access!.Ioas)
        {
            return Errno.OK;
        }

        IommufdContext context = own.Context.With(access with { Ioas = ioas.Id, Pinned = access.Pinned.Clear() });
        errno = Align(ref context, ioas);
        if (errno == Errno.OK && context.Find<Ioas>(access.Ioas) is { } left)
        {
            errno = Align(ref context, left);
        }

        own.Context = errno == Errno.OK ? context : own.Context;
        return errno;
    }

    public static Errno Pin(IommufdCall call, IommuTestCmd cmd)
    {
        if (cmd.PagesLength > MostBytes)
        {
            return Errno.ENOMEM;
        }

        if ((cmd.PagesFlags & ~(Write | Syz)) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        Errno errno = Find(call, cmd.Id, out KernelAccess? access, out IommufdCall own);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (access!.Alignment != Quantity.PageSize)
        {
            return Errno.EOPNOTSUPP;
        }

        Ioas ioas = own.Context.Find<Ioas>(access.Ioas)!;
        ulong iova = (cmd.PagesFlags & Syz) != 0 ? NthArea(ioas.Pages, cmd.PagesIova) : cmd.PagesIova;
        errno = Parts(ioas, iova, cmd.PagesLength, (cmd.PagesFlags & Write) != 0, aligned: true, out List<IoArea> parts);
        KernelAccess pinned = access with { Pinned = access.Pinned.Add(access.NextPin, new IovaRange(iova, unchecked(iova + (cmd.PagesLength - 1)))), NextPin = access.NextPin + 1 };
        Errno pins = parts.Count == 0 ? Errno.OK : Pinning.CheckAccess(own, errno == Errno.OK ? own.Context.With(pinned) : own.Context, parts);
        errno = pins != Errno.OK ? pins : errno;
        errno = errno != Errno.OK || cmd.PagesUptr == 0 ? errno : ComparePages(call, parts, iova, cmd.PagesUptr);
        if (errno != Errno.OK)
        {
            return errno;
        }

        cmd.OutAccessPagesId = access.NextPin;
        errno = call.Respond(cmd);
        own.Context = errno == Errno.OK ? own.Context.With(pinned) : own.Context;
        return errno;
    }

    /// <summary>An IOVA that names an area by its place in order, in the low half, and an offset in it: what a fuzzer can guess.</summary>
    public static ulong NthArea(IoPages pages, ulong iova)
    {
        (uint area, uint offset) = ((uint)iova, (uint)(iova >> 32));
        return area < pages.Areas.Count ? pages.Areas[(int)area].Range.Start + offset : 0;
    }

    /// <summary>Are the pages those of this user memory?</summary>
    private static Errno ComparePages(IommufdCall call, List<IoArea> parts, ulong iova, ulong address)
    {
        foreach (IoArea part in parts)
        {
            // Both begin where the page of the first IOVA begins.
            ulong there = unchecked(address - (iova % Quantity.PageSize) + (part.Range.Start - iova));
            ulong first = there & ~(Quantity.PageSize - 1), last = unchecked(there + part.Range.Length - 1) | (Quantity.PageSize - 1);
            bool isSame = first == (part.Address & ~(Quantity.PageSize - 1));
            if (!call.Frame.CanPin(first, isSame ? last - first + 1 : Quantity.PageSize, write: false))
            {
                return Errno.EFAULT;
            }

            if (!isSame)
            {
                return Errno.EBADE;
            }
        }

        return Errno.OK;
    }

    public static Errno Unpin(IommufdCall call, in IommuTestCmd cmd)
    {
        Errno errno = Find(call, cmd.Id, out KernelAccess? access, out IommufdCall own);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (!access!.Pinned.ContainsKey(cmd.AccessPagesId))
        {
            return Errno.ENOENT;
        }

        own.Context = own.Context.With(access with { Pinned = access.Pinned.Remove(cmd.AccessPagesId) });
        return Errno.OK;
    }

    public static Errno ReadWrite(IommufdCall call, in IommuTestCmd cmd)
    {
        if (cmd.Length > MostBytes)
        {
            return Errno.ENOMEM;
        }

        if ((cmd.RwFlags & ~(RwWrite | RwSlow | Syz)) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        Errno errno = Find(call, cmd.Id, out KernelAccess? access, out IommufdCall own);
        if (errno != Errno.OK)
        {
            return errno;
        }

        bool write = (cmd.RwFlags & RwWrite) != 0;
        byte[] data = new byte[cmd.Length];
        if (write && !call.Frame.TryRead(cmd.Uptr, data))
        {
            return Errno.EFAULT;
        }

        Ioas ioas = own.Context.Find<Ioas>(access!.Ioas)!;
        ulong iova = (cmd.RwFlags & Syz) != 0 ? NthArea(ioas.Pages, cmd.Iova) : cmd.Iova;
        errno = Parts(ioas, iova, cmd.Length, write, aligned: false, out List<IoArea> parts);
        int readable = parts.FindIndex(part => !call.Frame.CanPin(part.Address & ~(Quantity.PageSize - 1), PagesOf(part), write));
        return readable >= 0 ? Errno.EFAULT : errno != Errno.OK ? errno : write || call.Frame.TryWrite(cmd.Uptr, data) ? Errno.OK : Errno.EFAULT;
    }

    private static ulong PagesOf(IoArea part)
    {
        ulong first = part.Address & ~(Quantity.PageSize - 1);
        return ((part.Address + part.Range.Length - 1) | (Quantity.PageSize - 1)) - first + 1;
    }

    /// <summary>The areas up to the first that refuses; with it the errno.</summary>
    private static Errno Parts(Ioas ioas, ulong iova, ulong length, bool write, bool aligned, out List<IoArea> parts)
    {
        parts = [];
        if (length == 0)
        {
            return Errno.EINVAL;
        }

        if (!IovaRange.TryCreate(iova, length, out IovaRange range))
        {
            return Errno.EOVERFLOW;
        }

        List<IoArea> all = Mapping.PartsOf(ioas.Pages, range, out bool whole);
        foreach (IoArea part in all)
        {
            bool last = part.Range.Last == range.Last;
            if (aligned && (part.Address % Quantity.PageSize != 0 || (!last && (part.Address + part.Range.Length) % Quantity.PageSize != 0)))
            {
                return Errno.EINVAL;
            }

            if (!part.Access.HasFlag(write ? DmaAccess.Write : DmaAccess.Read))
            {
                return Errno.EPERM;
            }

            parts.Add(part);
        }

        return whole ? Errno.OK : Errno.ENOENT;
    }

    private static Errno Align(ref IommufdContext context, Ioas ioas)
    {
        ioas = context.Find<Ioas>(ioas.Id)!;
        ulong alignment = Tables.AlignmentOf(context, ioas);
        if (alignment > ioas.Pages.Alignment && !ioas.Pages.Fits(alignment))
        {
            return Errno.EADDRINUSE;
        }

        context = context.With(ioas with { Pages = ioas.Pages with { Alignment = alignment } });
        return Errno.OK;
    }

    /// <summary>The descriptor may be one of another context: the access stays in its own.</summary>
    private static Errno Find(IommufdCall call, uint descriptor, out KernelAccess? access, out IommufdCall own)
    {
        var file = call.Frame.State.Files.GetValueOrDefault((int)descriptor) as AccessFile;
        own = file is null || file.Context == call.Context.Number ? call : new IommufdCall(call.Frame, file.Context, call.Address);
        access = file is null ? null : own.Context.Find<KernelAccess>(file.Object);
        return access is null ? Errno.EBADFD : Errno.OK;
    }
}
