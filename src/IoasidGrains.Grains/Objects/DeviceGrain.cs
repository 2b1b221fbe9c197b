// A device as a grain: one line per command into the runner.
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace IoasidGrains.Grains;

/// <summary>The mailbox of Core's <c>Device</c>.</summary>
[CellPlacement]
public sealed class DeviceGrain(IGrainContext context, GrainPorts ports) : ObjectGrain(ObjectKind.Device, context, ports), IDeviceGrain
{
    /// <summary>In the request context of <see cref="DescribeDevice"/>: the silo of the fd that asks.</summary>
    internal const string BindingSilo = "ioasid.binding-silo";

    public ValueTask<Reply> DeclareDevice(DeclareDevice command) => Run(command);

    public ValueTask<Reply> OpenDevice(OpenDevice command) => Run(command);

    public ValueTask<Reply> CloseDevice(CloseDevice command) => Run(command);

    public ValueTask<Reply> VfioUnbindIoasidFd(VfioUnbindIoasidFd command) => Run(command);

    public ValueTask<Reply> VfioAttachIoasid(VfioAttachIoasid command) => Run(command);

    public ValueTask<Reply> VfioDetachIoasid(VfioDetachIoasid command) => Run(command);

    /// <summary>An fd that is about to bind it asks; unless somebody holds the device it moves to that fd's silo before the next message.</summary>
    public async ValueTask<Reply> DescribeDevice(DescribeDevice command)
    {
        Reply reply = await Run(command);
        if (Ports.Dma.MoveDevices && !HoldsState && RequestContext.Get(BindingSilo) is SiloAddress silo && !silo.Equals(Ports.Silo))
        {
            GrainContext.Migrate(new Dictionary<string, object> { [IPlacementDirector.PlacementHintKey] = silo });
        }

        return reply;
    }

    public ValueTask<Reply> HoldDevice(HoldDevice command) => Run(command);

    public ValueTask<Reply> SetRoute(SetRoute command) => Run(command);

    public ValueTask<Reply> InvalidateTranslations(InvalidateTranslations command) => Run(command);

    public ValueTask<Reply> DeviceDma(DeviceDma command) => Run(command);

    public ValueTask<Reply> StartDma(StartDma command) => Run(command);

    public ValueTask<Reply> WatchDma(WatchDma command) => Run(command);

    public ValueTask<Reply> StopDma(StopDma command) => Run(command);
}
