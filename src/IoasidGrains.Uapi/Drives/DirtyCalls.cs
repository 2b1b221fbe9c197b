// Dirty tracking below the fd: turning it on is driven, reading is asked.
namespace IoasidGrains.Uapi;

/// <summary>Dirty tracking of the IOASID's tables is on, or off.</summary>
[GenerateSerializer, Immutable]
public sealed record TrackIoasid(Stamp Stamp, long Previous, IoasidId Ioasid, bool Enabled) : IoasidDrive(Stamp, Previous, Ioasid);

/// <summary>To a PageTable; answers <see cref="CachedBy"/>: what devices hold was not counted as written when it was given.</summary>
[GenerateSerializer, Immutable]
public sealed record TrackTable(Stamp Stamp, long Previous, PageTableId Table, bool Enabled) : TableDrive(Stamp, Previous, Table);

/// <summary>From an fd to an Ioasid: reads the bitmap, and answers <see cref="DirtyBitmap"/> when no write that it forgot can be under way.</summary>
/// <param name="Request">Of the user: the table answers it once, and the same again.</param>
[GenerateSerializer, Immutable]
public sealed record ReadIoasidDirty(Stamp Stamp, IoasidId Ioasid, RequestId Request, IovaRange Range, ulong PageSize, bool Clear) : Command
{
    public override bool MustFinish => true;
}

/// <summary>From an Ioasid to a PageTable. Answers <see cref="DirtyRead"/>.</summary>
[GenerateSerializer, Immutable]
public sealed record ReadTableDirty(PageTableId Table, RequestId Request, IovaRange Range, ulong PageSize, bool Clear) : Command;

/// <summary>To the Ioasid: the bitmap, and who must invalidate so that later writes are seen.</summary>
[GenerateSerializer, Immutable]
public sealed record DirtyRead(DirtyBitmap Bitmap, CachedBy Cached) : Outputs
{
    public override string Text => Bitmap.Text;
}
