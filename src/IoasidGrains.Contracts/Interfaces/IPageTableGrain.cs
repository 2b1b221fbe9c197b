// An I/O page table: what its IOASID drives it to, and the look-up.
using IoasidGrains.Uapi;

namespace IoasidGrains.Contracts;

/// <summary>An I/O page table.</summary>
public interface IPageTableGrain : IKernelObjectGrain
{
    ValueTask<Reply> FillTable(FillTable command);

    ValueTask<Reply> RouteDevice(RouteDevice command);

    ValueTask<Reply> MapPages(MapPages command);

    ValueTask<Reply> UnmapPages(UnmapPages command);

    ValueTask<Reply> DropTable(DropTable command);

    ValueTask<Reply> Translate(Translate command);

    ValueTask<Reply> FetchTranslations(FetchTranslations command);

    ValueTask<Reply> KeepTranslations(KeepTranslations command);

    ValueTask<Reply> OutwaitLeases(OutwaitLeases command);

    ValueTask<Reply> ReserveTables(ReserveTables command);

    ValueTask<Reply> TrackTable(TrackTable command);

    ValueTask<Reply> ReadTableDirty(ReadTableDirty command);
}
