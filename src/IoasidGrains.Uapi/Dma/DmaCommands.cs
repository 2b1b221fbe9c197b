// Starting, watching and stopping a workload of a device, and the pages that its owner frees under it.
namespace IoasidGrains.Uapi;

/// <summary>
/// Starts a workload, which runs beside the device's other messages, where the device is. Answers <see cref="DmaReport"/> at once, with the run's number.
/// EINVAL if the workload makes no sense or the device is not bound, EBUSY while another one runs. Sent again it starts nothing.
/// </summary>
[GenerateSerializer, Immutable]
public sealed record StartDma(DeviceId Device, DmaWorkload Workload) : UapiCommand
{
    public override EntryPoint Entry => EntryPoint.At(Device.Object);

    protected override Errno CheckFields() => Workload?.Check() ?? Errno.EINVAL;
}

/// <summary>How far a run is. Answers <see cref="DmaReport"/>; ENOENT if the device knows of no such run: it was lost, or there was a later one.</summary>
[GenerateSerializer, Immutable]
public sealed record WatchDma(DeviceId Device, long Number) : UapiCommand
{
    public override EntryPoint Entry => EntryPoint.At(Device.Object);
}

/// <summary>Ends a run; answered when its last access is over. Answers <see cref="DmaReport"/>; ENOENT as <see cref="WatchDma"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record StopDma(DeviceId Device, long Number) : UapiCommand
{
    public override EntryPoint Entry => EntryPoint.At(Device.Object);
}

/// <summary>
/// The owner of memory gives pages back to its allocator, or takes them again. What UNMAP has answered for no device may reach, so nothing but a bug
/// reaches a freed page; a workload can watch for that.
/// </summary>
/// <param name="Offset">Of the first byte in the memory; whole pages of 4 KiB, 256 GiB at most.</param>
[GenerateSerializer, Immutable]
public sealed record FreePages(GuestMemoryId Memory, ulong Offset, ulong Length, bool Free) : UapiCommand
{
    /// <summary>In bytes, of one command.</summary>
    public const ulong MaxLength = 256UL << 30;

    public override EntryPoint Entry => EntryPoint.At(Memory.Object);

    protected override Errno CheckFields() =>
        Quantity.IsPageAligned(Offset) && Quantity.IsPageAligned(Length) && Length is >= Quantity.PageSize and <= MaxLength
            && Offset < Quantity.UserAddressEnd && Length <= Quantity.UserAddressEnd - Offset ? Errno.OK : Errno.EINVAL;
}
