// An IOASID as a grain: one line per command into the runner.
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>The mailbox of Core's <c>Ioasid</c>.</summary>
[CellPlacement]
public sealed class IoasidGrain(IGrainContext context, GrainPorts ports) : ObjectGrain(ObjectKind.Ioasid, context, ports), IIoasidGrain
{
    public ValueTask<Reply> BuildIoasid(BuildIoasid command) => Run(command);

    public ValueTask<Reply> AttachDevice(AttachDevice command) => Run(command);

    public ValueTask<Reply> DetachDevice(DetachDevice command) => Run(command);

    public ValueTask<Reply> MapArea(MapArea command) => Run(command);

    public ValueTask<Reply> UnmapAreas(UnmapAreas command) => Run(command);

    public ValueTask<Reply> DestroyIoasid(DestroyIoasid command) => Run(command);

    public ValueTask<Reply> TrackIoasid(TrackIoasid command) => Run(command);

    public ValueTask<Reply> ReadIoasidDirty(ReadIoasidDirty command) => Run(command);
}
