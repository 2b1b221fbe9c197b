// An I/O page table as a grain: one line per command into the runner.
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>The mailbox of Core's <c>PageTable</c>.</summary>
[CellPlacement]
public sealed class PageTableGrain(IGrainContext context, GrainPorts ports) : ObjectGrain(ObjectKind.PageTable, context, ports), IPageTableGrain
{
    /// <summary>Before it is filled again its silo has taken it: see <see cref="Takeovers"/>.</summary>
    public async ValueTask<Reply> FillTable(FillTable command)
    {
        if (!command.Fresh)
        {
            await Ports.Log.TakeTable(command.Table, Ports.Silo);
        }

        return await Run(command);
    }

    public ValueTask<Reply> RouteDevice(RouteDevice command) => Run(command);

    public ValueTask<Reply> MapPages(MapPages command) => Run(command);

    public ValueTask<Reply> UnmapPages(UnmapPages command) => Run(command);

    public ValueTask<Reply> DropTable(DropTable command) => Run(command);

    public ValueTask<Reply> Translate(Translate command) => Run(command);

    public ValueTask<Reply> FetchTranslations(FetchTranslations command) => Run(command);

    public ValueTask<Reply> KeepTranslations(KeepTranslations command) => Run(command);

    public ValueTask<Reply> OutwaitLeases(OutwaitLeases command) => Run(command);

    public ValueTask<Reply> ReserveTables(ReserveTables command) => Run(command);

    public ValueTask<Reply> TrackTable(TrackTable command) => Run(command);

    public ValueTask<Reply> ReadTableDirty(ReadTableDirty command) => Run(command);
}
