// An open /dev/iommu as system calls see it: open, ioctl, read, close. Called by the dispatcher of system calls.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Every ioctl of iommufd; the numbers that it does not know go to its VFIO compatibility.</summary>
public static class Iommufd
{
    private const uint FirstNumber = 0x80, LastNumber = 0xa0;

    private delegate Errno Handler(IommufdCall call);

    private static readonly Dictionary<uint, Handler> Handlers = new()
    {
        [IoctlCodes.IOMMU_DESTROY] = IoasIoctls.Destroy,
        [IoctlCodes.IOMMU_IOAS_ALLOC] = IoasIoctls.Alloc,
        [IoctlCodes.IOMMU_IOAS_ALLOW_IOVAS] = IoasIoctls.AllowIovas,
        [IoctlCodes.IOMMU_IOAS_COPY] = IoasIoctls.Copy,
        [IoctlCodes.IOMMU_IOAS_IOVA_RANGES] = IoasIoctls.IovaRanges,
        [IoctlCodes.IOMMU_IOAS_MAP] = IoasIoctls.Map,
        [IoctlCodes.IOMMU_IOAS_UNMAP] = IoasIoctls.Unmap,
        [IoctlCodes.IOMMU_OPTION] = OptionIoctls.Option,
        [IoctlCodes.IOMMU_VFIO_IOAS] = OptionIoctls.VfioIoas,
        [IoctlCodes.IOMMU_HWPT_ALLOC] = HwptIoctls.Alloc,
        [IoctlCodes.IOMMU_GET_HW_INFO] = HwptIoctls.HwInfo,
        [IoctlCodes.IOMMU_HWPT_SET_DIRTY_TRACKING] = DirtyIoctls.Set,
        [IoctlCodes.IOMMU_HWPT_GET_DIRTY_BITMAP] = DirtyIoctls.Get,
        [IoctlCodes.IOMMU_HWPT_INVALIDATE] = HwptIoctls.Invalidate,
        [IoctlCodes.IOMMU_FAULT_QUEUE_ALLOC] = FaultQueues.Alloc,
    };

    /// <summary>open(): the number of a new context.</summary>
    public static int Open(SyscallFrame frame)
    {
        int number = frame.NextNumber();
        frame.State = frame.State with { Contexts = frame.State.Contexts.Add(number, new IommufdContext(number)) };
        return number;
    }

    /// <summary>The value of zero or more, or minus an errno.</summary>
    public static long Ioctl(SyscallFrame frame, int context, uint code, ulong argument)
    {
        var call = new IommufdCall(frame, context, argument);
        uint number = code & 0xff;
        if (number < FirstNumber || number > (frame.State.Options.Selftest ? LastNumber : LastNumber - 1) || (number > 0x8e && number < LastNumber && !frame.State.Options.Selftest))
        {
            long value = VfioCompat.Ioctl(call, code);
            call.TellDevices();
            return value;
        }

        if (!frame.TryRead(argument, out uint _))
        {
            return -(long)Errno.EFAULT;
        }

        Handler? handler = code == IoctlCodes.IOMMU_TEST_CMD ? Selftest.Run : Handlers.GetValueOrDefault(code);
        if (handler is null)
        {
            return -(long)Errno.ENOTTY;
        }

        Errno errno = handler(call);
        call.TellDevices();
        return -(long)errno;
    }

    /// <summary>read() of a fault queue; an access has none.</summary>
    public static long Read(SyscallFrame frame, OpenFile file, ulong address, ulong length) =>
        file is FaultFile ? FaultQueues.Read(length) : -(long)Errno.EINVAL;

    /// <summary>The last reference to a file is gone.</summary>
    public static void CloseFile(SyscallFrame frame, OpenFile file)
    {
        int number = file switch
        {
            IommufdFile iommufd => iommufd.Context,
            FaultFile fault => fault.Context,
            AccessFile access => access.Context,
            _ => 0,
        };
        if (!frame.State.Contexts.ContainsKey(number))
        {
            return;
        }

        var call = new IommufdCall(frame, number, 0);
        call.Context = file switch
        {
            FaultFile fault when call.Context.Find<FaultQueue>(fault.Object) is { } queue => call.Context.With(queue with { IsOpen = false }),
            AccessFile access => Selftest.CloseAccess(call.Context, access.Object),
            IommufdFile => call.Context with { Closed = true },
            _ => call.Context,
        };
        EndIfUnused(frame, number);
    }

    /// <summary>A VFIO group or device has let the context go.</summary>
    public static void PutContext(SyscallFrame frame, int number) => EndIfUnused(frame, number);

    /// <summary>A closed context ends when no device, no group, no access and no fault queue holds it.</summary>
    public static void EndIfUnused(SyscallFrame frame, int number)
    {
        if (frame.State.Contexts.GetValueOrDefault(number) is not { Closed: true } context)
        {
            return;
        }

        bool held = frame.State.VfioGroups.Values.Any(group => group.Iommufd == number) || frame.State.OpenedDevices.Values.Any(device => device.Iommufd == number)
            || context.Devices.Any(device => device.Facts is not null);
        if (!held && !context.Objects.Values.Any(one => one is KernelAccess { IsOpen: true } or FaultQueue { IsOpen: true }))
        {
            frame.State = frame.State with { Contexts = frame.State.Contexts.Remove(number) };
        }
    }
}
