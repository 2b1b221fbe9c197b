// The seam to the store of logs: what the runners of this silo append to and start from.
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>
/// One log per object, the claims and the host inventory, written in one transaction. A call that throws what <c>LostCall</c> names
/// has an unknown outcome; <see cref="Declare"/> and <see cref="Append"/> may be repeated unchanged then.
/// </summary>
public interface ICommitLog
{
    /// <summary>Writes a unit or device to the host inventory; false if the name is taken.</summary>
    ValueTask<bool> Declare(Declaration declaration);

    /// <summary>Everything known about an object that starts; begins a new epoch of an object with a log.</summary>
    ValueTask<StoredObject> Load(ObjectId id);

    /// <inheritdoc cref="ICommitLogGrain.TakeTable"/>
    ValueTask TakeTable(PageTableId table, SiloAddress silo);

    /// <inheritdoc cref="ICommitLogGrain.TakenSince"/>
    ValueTask<TakenTables> TakenSince(SiloAddress silo, long last);

    /// <summary>Appends one record and moves its claims, or does nothing.</summary>
    ValueTask<CommitResult> Append(ObjectId id, long epoch, LogRecord record, Claim[] claims);
}
