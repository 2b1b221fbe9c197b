// The commit log of a cluster that keeps nothing when it stops.
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>Asks the one log grain of the cluster.</summary>
public sealed class VolatileCommitLog(IGrainFactory grains) : ICommitLog
{
    private readonly ICommitLogGrain _log = grains.GetGrain<ICommitLogGrain>(ICommitLogGrain.Key);

    public ValueTask<bool> Declare(Declaration declaration) => _log.Declare(declaration);

    public ValueTask<StoredObject> Load(ObjectId id) => _log.Load(id);

    public ValueTask<CommitResult> Append(ObjectId id, long epoch, LogRecord record, Claim[] claims) => _log.Append(id, epoch, record, claims);

    public ValueTask TakeTable(PageTableId table, SiloAddress silo) => _log.TakeTable(table, silo);

    public ValueTask<TakenTables> TakenSince(SiloAddress silo, long last) => _log.TakenSince(silo, last);
}
