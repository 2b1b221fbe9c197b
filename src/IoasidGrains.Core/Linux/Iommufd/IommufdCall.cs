// One ioctl on an iommufd under way: its context as it changes. Used by the handlers of this folder.
using System.Runtime.InteropServices;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>What the handlers share: the frame, the context, and the struct's address and size.</summary>
public sealed class IommufdCall(SyscallFrame frame, int number, ulong address)
{
    private IommufdContext? _before;

    public SyscallFrame Frame => frame;

    public ulong Address => address;

    public IommufdContext Context
    {
        get => frame.State.Contexts[number];
        set
        {
            _before ??= Context;
            frame.State = frame.State with { Contexts = frame.State.Contexts.SetItem(number, value) };
        }
    }

    public Policy Policy => new(Profiles.Find(frame.State.Options.Profile)!.Sharing);

    /// <summary>Copies the struct in by the rules of its size: a short one is EINVAL, a longer one must end in zeros.</summary>
    public Errno Read<T>(int least, out T value)
        where T : struct
    {
        value = default;
        Span<byte> bytes = stackalloc byte[Marshal.SizeOf<T>()];
        bytes.Clear();
        if (!frame.TryRead(address, out uint size))
        {
            return Errno.EFAULT;
        }

        if (size < least)
        {
            return Errno.EINVAL;
        }

        if (size > bytes.Length && HasTail(address + (ulong)bytes.Length, (int)Math.Min(size - (uint)bytes.Length, int.MaxValue), out Errno tail))
        {
            return tail;
        }

        if (!frame.TryRead(address, bytes[..(int)Math.Min(size, bytes.Length)]))
        {
            return Errno.EFAULT;
        }

        value = MemoryMarshal.Read<T>(bytes);
        UserSize = (int)Math.Min(size, bytes.Length);
        return Errno.OK;
    }

    /// <summary>Bytes of the struct that the user has.</summary>
    public int UserSize { get; private set; }

    /// <summary>Copies the struct out, as much of it as the user has.</summary>
    public Errno Respond<T>(in T value)
        where T : struct
    {
        Span<byte> bytes = stackalloc byte[Marshal.SizeOf<T>()];
        MemoryMarshal.Write(bytes, in value);
        return frame.TryWrite(address, bytes[..UserSize]) ? Errno.OK : Errno.EFAULT;
    }

    /// <summary>Tells what became of devices since the context was first changed.</summary>
    public void TellDevices()
    {
        if (_before is { } before && !ReferenceEquals(before, Context))
        {
            LiveDevices.Tell(frame, before, Context);
        }
    }

    /// <summary>Undoes everything that this call has changed.</summary>
    public void Undo()
    {
        if (_before is { } before)
        {
            frame.State = frame.State with { Contexts = frame.State.Contexts.SetItem(number, before) };
        }
    }

    private bool HasTail(ulong from, int length, out Errno errno)
    {
        const int Piece = sizeof(ulong);
        Span<byte> bytes = stackalloc byte[Piece];
        for (int done = 0; done < length; done += Piece)
        {
            // A word at a time: what is not zero is found before what is not there.
            Span<byte> piece = bytes[..Math.Min(Piece, length - done)];
            bool read = frame.TryRead(from + (ulong)done, piece);
            if (!read || piece.ContainsAnyExcept((byte)0))
            {
                errno = read ? Errno.E2BIG : Errno.EFAULT;
                return true;
            }
        }

        errno = Errno.OK;
        return false;
    }
}

/// <summary>A sharing policy asked in iommufd's terms.</summary>
public readonly record struct Policy(SharingPolicy Sharing)
{
    public Placement Place(IommufdContext context, IommufdDevice device, Ioas ioas)
    {
        PagingHwpt[] tables = [.. context.TablesOf(ioas.Id).Where(table => table.Auto)];
        bool enforce = tables.Length > 0 ? tables[0].EnforceSnoop : device.CanEnforce;
        IoasidEntry entry = Entry(ioas, enforce);
        return Sharing.Attach(new Joining(
            Bound(device), entry.Spec.Auto ? null : entry.Spec.Format, entry, [.. tables.Select(table => Use(context, table))], HostEnforces(context)));
    }

    /// <summary>The format of a table that these devices have left.</summary>
    public bool FormatAfter(IommufdContext after, IommufdDevice left, PagingHwpt table, Ioas ioas) =>
        left.Facts is null ? table.EnforceSnoop : Sharing.Detach(new Leaving(Bound(left), Entry(ioas, table.EnforceSnoop), Use(after, table)));

    /// <summary>The format of a table that is made for a device by hand.</summary>
    public static bool FormatFor(IommufdDevice device) => device.CanEnforce;

    private static bool HostEnforces(IommufdContext context) => context.Devices.All(device => device.CanEnforce);

    private static TableUse Use(IommufdContext context, PagingHwpt table) => new(
        new TableSpec(table.Number, table.EnforceSnoop, table.Maker.WalkedPageSizes),
        [.. context.Devices.Where(device => device.Facts is not null && context.GroupOf(device).Table == table.Id && context.IsAttached(device)).Select(Bound)]);

    /// <summary>Page sizes are compared by the driver; here all that matter are equal.</summary>
    private static BoundDevice Bound(IommufdDevice device)
    {
        IommuCapabilities unit = device.Facts?.Unit ?? new IommuCapabilities(false, 48, device.Domain.WalkedPageSizes, false, []);
        DeviceTraits traits = device.Facts?.Traits ?? new DeviceTraits(default, device.Group, default, false, DeviceDriver.VfioPci, DriverOpens.AtBind, []);
        return new BoundDevice(device.Facts?.Id ?? default, traits, unit with { PageSizes = device.Domain.WalkedPageSizes }, null, true);
    }

    /// <summary>The dialect has no word for a format: a policy that wants the user to choose hears what a careful user would say, what the first device can.</summary>
    private IoasidEntry Entry(Ioas ioas, bool enforce) => new(
        new IoasidNumber((uint)ioas.Space), new IoasidSpec(enforce, 48, 0) { Auto = Sharing.Formats.Length == 0 || Sharing.Formats.Contains(SnoopFormat.Auto) }, AreaMap.Empty,
        System.Collections.Immutable.ImmutableSortedDictionary<int, TableSpec>.Empty, 0);
}
