// The volatile commit log: every object's log, the claims and the host inventory, in one place with one order. Used by the Machine directly and by the log grain.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>The claims, and the last record of each log, at one moment. Immutable; compared by reference.</summary>
public sealed class StoreMark(long order, KeyValuePair<string, ObjectId>[] claims, KeyValuePair<ObjectId, LogRecord>[] last)
{
    internal long Order => order;

    internal KeyValuePair<string, ObjectId>[] Claims => claims;

    internal KeyValuePair<ObjectId, LogRecord>[] Last => last;
}

/// <summary>
/// One per cluster. An append is compare-and-swap on the log's sequence together with its claims: all of it happens or nothing.
/// Sending the same record again is recognised by its request id, so a caller that lost the answer may repeat.
/// </summary>
public sealed class CommitStore
{
    /// <summary>A log longer than this, and than twice what it was shortened to, is shortened.</summary>
    public const int LongLog = 1024;

    /// <summary>Records that a VM's log keeps, so that a request that is asked again is answered as before.</summary>
    private const int KeptOfVm = AnswerWindow.PerSession;

    /// <summary>Orders of two appends are so far apart: a record's drives are numbered from its own order on.</summary>
    public const long OrderStep = 1 << 16;

    private sealed class Entry
    {
        public long Epoch;

        /// <summary>Without holes; the first may be a snapshot of all before it.</summary>
        public readonly List<LogRecord> Log = [];
        public int ShortenAt = LongLog;

        public long Last => Log.Count == 0 ? 0 : Log[^1].Sequence;

        public LogRecord? Find(long sequence) => Log.Count == 0 || sequence < Log[0].Sequence || sequence > Last ? null : Log[(int)(sequence - Log[0].Sequence)];
    }

    private readonly Dictionary<ObjectId, Entry> _logs = [];
    private readonly Dictionary<string, ObjectId> _claims = [];
    private readonly Dictionary<ObjectId, Declaration> _inventory = [];
    private long _order;

    /// <summary>What <see cref="Save"/> answered last, while nothing has been appended since.</summary>
    private StoreMark? _mark;

    /// <summary>Writes a unit or device to the host inventory; false if the name is taken.</summary>
    public bool Declare(Declaration declaration)
    {
        ObjectId id = declaration.Entry.Object;
        if (_inventory.TryGetValue(id, out Declaration? known))
        {
            return known.Request == declaration.Request;
        }

        _inventory.Add(id, declaration);
        return true;
    }

    /// <summary>Everything the store knows about an object that starts. An object with a log starts a new epoch, which fences the activation before it.</summary>
    public StoredObject Load(ObjectId id)
    {
        Declaration? declaration = _inventory.GetValueOrDefault(id);
        switch (id.Kind)
        {
            case ObjectKind.Kvm:
                var vm = new VmId(id.Key);
                return Start(id, declaration, HoldersOfAll(Claim.LinksOf(vm)), false, HoldersOfAll(Claim.NoncoherentOf(vm))) with
                {
                    NoncoherentByFiles = HoldersOfAll(Claim.NoncoherentByFilesOf(vm)),
                    Files = FilesOf(vm),
                };
            case ObjectKind.Device:
                DeviceClaims claims = ClaimsOf(new DeviceId(id.Key));
                return Start(id, declaration, claims.Holder is { } holder ? [holder] : [], claims.FileClosed, []);
            case ObjectKind.IoasidFd:
                return Start(id, declaration, [], false, []);
            default:
                return new StoredObject(0, _order, [], declaration, [], false, []);
        }
    }

    /// <summary>Appends one record and moves its claims, or does nothing. A record that is in the log already is answered as it was then.</summary>
    public CommitResult Append(ObjectId id, long epoch, LogRecord record, Claim[] claims)
    {
        Entry entry = EntryOf(id);
        if (entry.Find(record.Sequence) is { } known && known.Request == record.Request)
        {
            return new CommitResult(CommitStatus.Committed, Record: known);
        }

        if (epoch != entry.Epoch || record.Sequence <= entry.Last)
        {
            return new CommitResult(CommitStatus.Fenced);
        }

        Invariant.Check(record.Sequence == entry.Last + 1, $"{id} appends entry {record.Sequence} to a log that ends with {entry.Last}.");
        if (Array.Find(claims, claim => IsRefused(id, claim)) is { } refused)
        {
            return new CommitResult(CommitStatus.ClaimRefused, refused);
        }

        int counted = 0;
        _mark = null;
        foreach (Claim claim in claims)
        {
            counted += MoveClaim(id, claim);
        }

        _order += OrderStep;
        LogRecord committed = record with { Order = _order, Counted = counted, Host = HostAsked(claims) };
        entry.Log.Add(committed);
        Shorten(id, entry);
        return new CommitResult(CommitStatus.Committed, Record: committed);
    }

    /// <summary>Declared objects, and objects with a log, of one host, in the order of their ids.</summary>
    public ObjectId[] Inventory(HostId host) =>
        [.. _inventory.Keys.Concat(_logs.Where(log => log.Value.Log.Count > 0).Select(log => log.Key))
            .Where(id => host == HostId.All || id.Host == host.Name).Order()];

    /// <summary>Who has bound a device, and whether its file is closed.</summary>
    public DeviceClaims ClaimsOf(DeviceId device) => new(
        _claims.TryGetValue(Claim.NameOf(device), out ObjectId holder) ? new FdId(holder.Key) : null, _claims.ContainsKey(Claim.ClosedName(device)));

    /// <summary>Every claim that is held, and by whom.</summary>
    public IReadOnlyDictionary<string, ObjectId> Claims => _claims;

    /// <summary>What later appends depend on. For a driver that goes back and forth between states without ever losing an object.</summary>
    public StoreMark Save() => _mark ??= new StoreMark(
        _order, [.. _claims], [.. _logs.Where(log => log.Value.Log.Count > 0).Select(log => KeyValuePair.Create(log.Key, log.Value.Log[^1]))]);

    /// <summary>Goes back, or on, to what was saved. Of each log only the last record is kept, which is what the next append is compared with.</summary>
    public void Restore(StoreMark mark)
    {
        if (mark == _mark)
        {
            return;
        }

        (_mark, _order) = (mark, mark.Order);
        _claims.Clear();
        foreach ((string claim, ObjectId holder) in mark.Claims)
        {
            _claims.Add(claim, holder);
        }

        foreach (Entry entry in _logs.Values)
        {
            entry.Log.Clear();
        }

        foreach ((ObjectId id, LogRecord last) in mark.Last)
        {
            EntryOf(id).Log.Add(last);
        }
    }

    /// <summary>Drops all that is known of a host whose objects are closed. The claims that are left show what was not.</summary>
    public void Forget(HostId host)
    {
        foreach (ObjectId id in _logs.Keys.Concat(_inventory.Keys).Where(id => id.Host == host.Name).ToArray())
        {
            _logs.Remove(id);
            _inventory.Remove(id);
        }

        string prefix = host.Name + "/";
        foreach (string claim in _claims.Keys.Where(claim => claim.StartsWith(prefix, StringComparison.Ordinal)).ToArray())
        {
            _claims.Remove(claim);
        }
    }

    private StoredObject Start(ObjectId id, Declaration? declaration, FdId[] holders, bool fileClosed, FdId[] noncoherent)
    {
        Entry entry = EntryOf(id);
        entry.Epoch++;
        return new StoredObject(entry.Epoch, _order, [.. entry.Log], declaration, holders, fileClosed, noncoherent);
    }

    /// <summary>What a VM or a device is follows from the claims; of its log only the last records may be asked for again.</summary>
    private static void Shorten(ObjectId id, Entry entry)
    {
        if (id.Kind != ObjectKind.IoasidFd)
        {
            entry.Log.RemoveRange(0, Math.Max(0, entry.Log.Count - (id.Kind == ObjectKind.Kvm ? KeptOfVm : 1)));
        }
        else if (entry.Log.Count >= entry.ShortenAt && entry.Log[0].Changes[0] is not ProcessStarted)
        {
            LogRecord[] shorter = FdSnapshots.Shorten(entry.Log);
            entry.Log.Clear();
            entry.Log.AddRange(shorter);
            var snapshot = (FdSnapshot)shorter[0].Changes[0];
            entry.ShortenAt = Math.Max(LongLog, 2 * (snapshot.Answers.Length + snapshot.Ioasids.Sum(ioasid => ioasid.Areas.Length)));
        }
    }

    /// <summary>Every device of the host that an Inventory claim names; null without one.</summary>
    private DeviceFacts[]? HostAsked(Claim[] claims) => Array.Find(claims, claim => claim.Kind == ClaimKind.Inventory) is not { } asked ? null
        : [.. _inventory.Values.OfType<DeclareDevice>().Where(device => device.Device.Object.Host == asked.Name)
            .Select(device => new DeviceFacts(device.Device, device.Traits, (_inventory.GetValueOrDefault(device.Traits.Unit.Object) as DeclareUnit)?.Capabilities))];

    private FdId[] HoldersOfAll(string prefix) =>
        [.. _claims.Where(claim => claim.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(claim => new FdId(claim.Value.Key))];

    private VmFileAdded[] FilesOf(VmId vm)
    {
        string prefix = Claim.FilesOf(vm);
        return [.. _claims.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => new DeviceId(name[prefix.Length..]))
            .Select(device => new VmFileAdded(device, _claims.ContainsKey(Claim.NoncoherentFilesOf(vm) + device.Key)))];
    }

    private bool IsRefused(ObjectId id, Claim claim) => claim.Kind switch
    {
        ClaimKind.Take => _claims.TryGetValue(claim.Name, out ObjectId holder) && holder != id,
        ClaimKind.RequireFree => _claims.ContainsKey(claim.Name) && claim.Alternatives.All(_claims.ContainsKey),
        ClaimKind.Clear => !_claims.ContainsKey(claim.Name),
        ClaimKind.Never => true,
        ClaimKind.KvmPointer => claim.Alternatives.All(_claims.ContainsKey) && !_claims.Keys.Any(name => name.EndsWith(claim.Name, StringComparison.Ordinal)),
        ClaimKind.AllUnitsEnforce => _inventory.Values.Any(declaration =>
            declaration is DeclareUnit unit && unit.Unit.Object.Host == claim.Name && !unit.Capabilities.EnforceSnoop),
        _ => false,
    };

    /// <summary>Moves a claim; the number found if it is a count.</summary>
    private int MoveClaim(ObjectId id, Claim claim)
    {
        switch (claim.Kind)
        {
            case ClaimKind.Take or ClaimKind.Mark:
                _claims[claim.Name] = id;
                return 0;
            case ClaimKind.Release:
                Invariant.Check(_claims.TryGetValue(claim.Name, out ObjectId holder) && holder == id, $"{id} releases {claim.Name}, which it does not hold.");
                _claims.Remove(claim.Name);
                return 0;
            case ClaimKind.Clear:
                _claims.Remove(claim.Name);
                return 0;
            case ClaimKind.Count:
                return CountOf(claim.Name) + (Array.Exists(claim.Alternatives, prefix => CountOf(prefix) > 0) ? 1 : 0);
            default:
                return 0;
        }
    }

    private int CountOf(string prefix) => _claims.Keys.Count(name => name.StartsWith(prefix, StringComparison.Ordinal));

    private Entry EntryOf(ObjectId id)
    {
        if (!_logs.TryGetValue(id, out Entry? entry))
        {
            _logs.Add(id, entry = new Entry());
        }

        return entry;
    }
}
