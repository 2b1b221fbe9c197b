// The volatile commit log as a grain: one per cluster, so that a claim is exclusive between silo processes.
using IoasidGrains.Uapi;

namespace IoasidGrains.Contracts;

/// <summary>Holds every object's log, the claims and the host inventory of the cluster. It calls nobody.</summary>
public interface ICommitLogGrain : IGrainWithStringKey
{
    /// <summary>The key of the only one.</summary>
    const string Key = "log";

    /// <summary>Writes a unit or device to the host inventory; false if the name is taken. The same request again is true again.</summary>
    ValueTask<bool> Declare(Declaration declaration);

    /// <summary>Everything known about an object that starts; begins a new epoch of an object with a log.</summary>
    ValueTask<StoredObject> Load(ObjectId id);

    /// <summary>Appends one record and moves its claims, or does nothing. The same record again is recognised by its request id.</summary>
    ValueTask<CommitResult> Append(ObjectId id, long epoch, LogRecord record, [Immutable] Claim[] claims);

    /// <summary>Who has bound a device, and whether its file is closed.</summary>
    ValueTask<DeviceClaims> ClaimsOf(DeviceId device);

    /// <summary>Declared objects, and objects with a log, of one host, in the order of their ids.</summary>
    ValueTask<ObjectId[]> Inventory(HostId host);

    /// <summary>A page table that was lost is about to be filled again on this silo.</summary>
    ValueTask TakeTable(PageTableId table, SiloAddress silo);

    /// <summary>Which tables other silos have taken since this silo asked last. If this log knows less than the silo, it tells it all that it knows.</summary>
    ValueTask<TakenTables> TakenSince(SiloAddress silo, long last);

    /// <summary>Drops all that is known of a host whose objects are closed.</summary>
    ValueTask Forget(HostId host);
}
