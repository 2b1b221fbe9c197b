// All records of an fd in one change: what a long log is shortened to.
namespace IoasidGrains.Uapi;

/// <summary>Stands for every log record up to its own. Applied to an unopened fd it gives the same state as those would.</summary>
/// <param name="LastNumber">The number of the last IOASID ever allocated.</param>
/// <param name="Answers">The records that a retry may still ask for, oldest first.</param>
[GenerateSerializer, Immutable]
public sealed record FdSnapshot(
    OpenOptions Options, bool Closed, uint LastNumber, IoasidSnapshot[] Ioasids, DeviceSnapshot[] Devices, BlockedSnapshot[] Blocked,
    KvmSnapshot[] Kvms, MemoryRegistered[] Registered, LogRecord[] Answers, SessionSnapshot[] Sessions, IncoherentDmaAllowed[] Allowed, FdCosts Costs) : Change;

/// <param name="Driven">The last log entry that was driven to the Ioasid object.</param>
[GenerateSerializer, Immutable]
public sealed record IoasidSnapshot(IoasidNumber Number, IoasidSpec Spec, Area[] Areas, TableSpec[] Tables, long Driven);

[GenerateSerializer, Immutable]
public sealed record DeviceSnapshot(DeviceBound Bound, DeviceAttached? Place, bool DriverOpened);

[GenerateSerializer, Immutable]
public sealed record BlockedSnapshot(DeviceId Device, DeviceTraits Traits);

/// <param name="Newest">The highest request that was answered.</param>
/// <param name="Forgotten">Requests up to this one may have been answered before the window.</param>
[GenerateSerializer, Immutable]
public sealed record SessionSnapshot(string Session, long Newest, long Forgotten);

/// <param name="Told">What the VM was told last; null: nothing yet.</param>
[GenerateSerializer, Immutable]
public sealed record KvmSnapshot(VmId Vm, bool? Told);
