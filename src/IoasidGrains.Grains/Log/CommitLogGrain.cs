// The one store of a cluster's volatile log. VolatileCommitLog and ClusterUapi call it.
using IoasidGrains.Contracts;
using IoasidGrains.Core;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>
/// Holds Core's <see cref="CommitStore"/>; every method is synchronous, so one append after another. Never collected. If its silo is lost, so is the
/// log: the next one knows no epoch, fences every fd that is still alive, and nothing of before can be continued.
/// </summary>
[CellPlacement, CollectionAgeLimit(AlwaysActive = true)]
public sealed class CommitLogGrain(IGrainContext context) : IGrainBase, ICommitLogGrain
{
    private readonly CommitStore _store = new();
    private readonly Takeovers _takeovers = new();

    public IGrainContext GrainContext { get; } = context;

    public ValueTask<bool> Declare(Declaration declaration) => new(_store.Declare(declaration));

    public ValueTask<StoredObject> Load(ObjectId id) => new(_store.Load(id));

    public ValueTask<CommitResult> Append(ObjectId id, long epoch, LogRecord record, Claim[] claims) =>
        new(_store.Append(id, epoch, record, claims));

    public ValueTask<DeviceClaims> ClaimsOf(DeviceId device) => new(_store.ClaimsOf(device));

    public ValueTask<ObjectId[]> Inventory(HostId host) => new(_store.Inventory(host));

    public ValueTask TakeTable(PageTableId table, SiloAddress silo)
    {
        _takeovers.Take(table, silo);
        return default;
    }

    public ValueTask<TakenTables> TakenSince(SiloAddress silo, long last) => new(_takeovers.Since(silo, last));

    public ValueTask Forget(HostId host)
    {
        _store.Forget(host);
        return default;
    }
}
