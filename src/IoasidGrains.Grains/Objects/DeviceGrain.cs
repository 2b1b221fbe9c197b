// A device as a grain: one line per command into the runner.
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>The mailbox of Core's <c>Device</c>.</summary>
[CellPlacement]
public sealed class DeviceGrain(IGrainContext context, GrainPorts ports) : ObjectGrain(ObjectKind.Device, context, ports), IDeviceGrain
{
    public ValueTask<Reply> DeclareDevice(DeclareDevice command) => Run(command);

    public ValueTask<Reply> OpenDevice(OpenDevice command) => Run(command);

    public ValueTask<Reply> CloseDevice(CloseDevice command) => Run(command);

    public ValueTask<Reply> VfioUnbindIoasidFd(VfioUnbindIoasidFd command) => Run(command);

    public ValueTask<Reply> VfioAttachIoasid(VfioAttachIoasid command) => Run(command);

    public ValueTask<Reply> VfioDetachIoasid(VfioDetachIoasid command) => Run(command);

    public ValueTask<Reply> DescribeDevice(DescribeDevice command) => Run(command);

    public ValueTask<Reply> HoldDevice(HoldDevice command) => Run(command);

    public ValueTask<Reply> SetRoute(SetRoute command) => Run(command);

    public ValueTask<Reply> InvalidateTranslations(InvalidateTranslations command) => Run(command);

    public ValueTask<Reply> DeviceDma(DeviceDma command) => Run(command);
}
