// All objects in one process: takes the same steps as the grains, in an order that a schedule picks.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// The in-process runner. Every message (a request, a reply, an append, a look-up) is one event; which pending event comes next is the schedule's choice,
/// so a run is a function of its seed. <see cref="Call"/> runs one command to its end; <see cref="Start"/> and <see cref="RunAll"/> run several at once.
/// A running workload is one pending event after the other. Time passes only when nothing else can happen but that workloads go on: then the next lease that
/// is awaited is over.
/// </summary>
public sealed partial class Machine : IUapi
{
    /// <summary>Points of running workloads that pass when one is watched.</summary>
    private const int PointsPerWatch = 4096;

    /// <summary>Points of running workloads that pass before time does, though nothing else can happen.</summary>
    private const int PointsBeforeTime = 2;

    private readonly Dictionary<ObjectId, Mailbox> _mailboxes = [];
    private readonly List<MachineEvent> _pending = [];
    private readonly List<(Completion Until, MachineEvent Event)> _awaited = [];
    private readonly LocalViews _views;
    private readonly Schedule _schedule;
    private readonly Fault? _fault;
    private readonly Dictionary<(string Session, DeviceId Device), FdId> _remembered = [];
    private readonly Dictionary<string, int> _numbers = [];
    private readonly List<DmaRun> _runs = [];
    private int _calls;
    private readonly Dictionary<ObjectId, List<MachineEvent>> _unheard = [];
    private int _sections, _points;
    private long _now;
    private Operation? _starting;

    /// <param name="tableLimit">Page-table pages of 4 KiB that all tables together may take.</param>
    /// <param name="apart">Devices are elsewhere than their page tables: workloads translate through the devices' caches.</param>
    public Machine(Schedule? schedule = null, Fault? fault = null, long tableLimit = long.MaxValue, bool apart = false)
    {
        (_schedule, _fault) = (schedule ?? Schedule.InOrder(), fault);
        _views = new LocalViews(() => _now, tableLimit, StartRun, apart);
    }

    public CommitStore Store { get; } = new();

    /// <summary>Events so far.</summary>
    public long Events { get; private set; }

    /// <summary>Operations that have been answered so far.</summary>
    public long Answered { get; private set; }

    /// <summary>Calls and appends so far: what a fault can hit.</summary>
    public int Calls => _calls;

    /// <summary>Equal for two runs in which the same events happened in the same order.</summary>
    public ulong TraceHash { get; private set; } = 14695981039346656037;

    /// <summary>If set, one line per event is added to it.</summary>
    public List<string>? Trace { get; set; }

    /// <summary>The objects that have started, in no particular order.</summary>
    public IEnumerable<KernelObject> Objects => _mailboxes.Values.Select(mailbox => mailbox.Object);

    /// <summary>Every workload that was started, over or not, also of devices that were lost since.</summary>
    public IReadOnlyList<DmaRun> Runs => _runs;

    /// <summary>Nanoseconds by the clock of leases.</summary>
    public long Now => _now;

#pragma warning disable RS0030 // The port is asynchronous for the cluster's sake; here the task is always completed.
    public ValueTask<Reply> Call(UapiCommand command)
    {
        for (int points = command is WatchDma ? PointsPerWatch : 0; points > 0 && _sections > 0; points--)
        {
            TakeOne();
        }

        Operation operation = Start(command);
        while ((operation.Reply is null || _pending.Count > _sections) && TakeOne())
        {
        }

        return new ValueTask<Reply>(operation.Reply!);
    }

    public ValueTask<ObjectId[]> Inventory(HostId host) => new(Store.Inventory(host));
#pragma warning restore RS0030

    /// <summary>A client sends a command; it happens as events are taken.</summary>
    public Operation Start(UapiCommand command)
    {
        var operation = new Operation(command, NumberOf(command.Request.ToString()));
        Enter(operation, attempt: 0);
        return operation;
    }

    /// <summary>Takes events until nothing is pending.</summary>
    public void RunAll()
    {
        while (TakeOne())
        {
        }
    }

    /// <summary>Takes the next event; false if there is none.</summary>
    public bool TakeOne()
    {
        if (_pending.Count == 0 ? !PassTime() : IsTimeToPass() && !PassTime())
        {
            return false;
        }

        int index = _schedule.Next(_pending);
        MachineEvent taken = _pending[index];
        _pending.RemoveAt(index);
        Events++;
        TraceHash = (TraceHash ^ HashOf(taken)) * 1099511628211;
        Trace?.Add($"{Events,5} {taken}");
        _sections -= taken.Kind == EventKind.Section ? 1 : 0;
        taken.Run();
        PostReached();
        return true;
    }

    /// <summary>Forgets what an object knows, as if its silo had died between two turns; it starts again from the store when it is next called.</summary>
    public void Lose(ObjectId id)
    {
        bool known = _mailboxes.ContainsKey(id);
        Invariant.Check(TryLose(id) || !known, $"{id} is in a turn and cannot be lost.");
    }

    /// <summary>As <see cref="Lose"/>; false, and nothing lost, while it is in a turn.</summary>
    /// <param name="id">The object.</param>
    /// <param name="goesOn">Its silo is only cut off: what it runs beside its turns does not end, and nobody reaches it any more.</param>
    public bool TryLose(ObjectId id, bool goesOn = false)
    {
        if (_mailboxes.TryGetValue(id, out Mailbox? mailbox) && mailbox.Current is not null)
        {
            return false;
        }

        if (!goesOn)
        {
            mailbox?.Object.Lost();
        }

        else if (mailbox?.Object is PageTable)
        {
            _views.CutOff(PageTableId.Parse(id.Key));
        }

        if (_unheard.Remove(id, out List<MachineEvent>? unheard))
        {
            _pending.AddRange(unheard);
        }

        return _mailboxes.Remove(id);
    }

    /// <summary>From now on no message reaches this object, until it is lost; what it runs beside its turns goes on. False, and it is heard, while it is in a turn.</summary>
    public bool TrySilence(ObjectId id)
    {
        if (_mailboxes.TryGetValue(id, out Mailbox? mailbox) && mailbox.Current is not null)
        {
            return false;
        }

        _unheard.TryAdd(id, []);
        _unheard[id].AddRange(_pending.Where(posted => posted.Target == id));
        _pending.RemoveAll(posted => posted.Target == id);
        return true;
    }

    /// <summary>Time passes although something else could happen.</summary>
    public void Pass(long nanoseconds)
    {
        _now += nanoseconds;
        PostReached();
    }

    private bool IsTimeToPass()
    {
        bool onlyRuns = _pending.Count == _sections && _awaited.Exists(item => item.Until.At is not null);
        _points = onlyRuns ? _points + 1 : 0;
        return _points > PointsBeforeTime;
    }

    /// <summary>Nothing can happen but that a lease ends: the next one does. False if none is awaited.</summary>
    private bool PassTime()
    {
        long? next = _awaited.Min(item => item.Until.At);
        Invariant.Check(next is not null || _awaited.Count == 0, "A turn waits for a reader that nothing will end.");
        _now = next ?? _now;
        PostReached();
        return next is not null;
    }

    private void PostReached()
    {
        for (int i = 0; i < _awaited.Count; i++)
        {
            if (_awaited[i].Until.IsReached)
            {
                _pending.Add(_awaited[i].Event);
                _awaited.RemoveAt(i--);
            }
        }
    }

    private ulong HashOf(MachineEvent taken) =>
        ((ulong)NumberOf(taken.Lane) << 40) ^ ((ulong)taken.Operation.Number << 8) ^ (ulong)taken.Kind;

    /// <summary>Numbers in order of first appearance, so that a hash is the same in every process.</summary>
    private int NumberOf(string name)
    {
        if (!_numbers.TryGetValue(name, out int number))
        {
            _numbers.Add(name, number = _numbers.Count + 1);
        }

        return number;
    }

    // ---- the client's side -------------------------------------------------------------------------------------------------------------

    private void Enter(Operation operation, int attempt)
    {
        if (operation.Command.Malformed is var errno && errno != Errno.OK)
        {
            Answer(operation, Reply.Refuse(errno));
            return;
        }

        EntryPoint entry = operation.Command.Entry;
        if (!entry.AtHolder)
        {
            SendFromClient(operation, entry.Object, attempt);
            return;
        }

        var device = new DeviceId(entry.Object.Key);
        (string, DeviceId) key = (operation.Command.Request.Session ?? "", device);
        if (_remembered.TryGetValue(key, out FdId fd))
        {
            SendFromClient(operation, fd.Object, attempt);
            return;
        }

        Post(new MachineEvent(EventKind.Lookup, StoreLane, null, operation, () =>
        {
            operation.EffectAt = Events;
            DeviceClaims claims = Store.ClaimsOf(device);
            if (claims.Holder is { } holder)
            {
                _remembered[key] = holder;
                SendFromClient(operation, holder.Object, attempt);
            }
            else if (claims.FileClosed && operation.Command is not CloseDevice)
            {
                Answer(operation, Reply.Refuse(Errno.EBADF));
            }
            else
            {
                SendFromClient(operation, entry.Object, attempt);
            }
        }));
    }

    private void SendFromClient(Operation operation, ObjectId to, int attempt)
    {
        Send(operation, FaultyCaller.Client, operation.Command, to, mustSucceed: true, reply =>
            Post(new MachineEvent(EventKind.Finish, operation.Command.Request.Session ?? "client", null, operation, () => Receive(operation, reply, attempt))));
    }

    private void Receive(Operation operation, Reply? reply, int attempt)
    {
        if (reply is null)
        {
            Enter(operation, attempt);
        }
        else if (reply.Status == ReplyStatus.NotMine && attempt < MaxAttempts)
        {
            _remembered.Remove((operation.Command.Request.Session ?? "", new DeviceId(operation.Command.Entry.Object.Key)));
            Enter(operation, attempt + 1);
        }
        else if (reply.Status == ReplyStatus.NotDriven && attempt < MaxAttempts && reply.Outputs is MustDrive must)
        {
            DriveAgain(operation, must, 0, () => Enter(operation, attempt + 1));
        }
        else
        {
            Answer(operation, reply);
        }
    }

    private void Answer(Operation operation, Reply reply)
    {
        operation.Reply = reply;
        Answered++;
    }

    /// <summary>The port has the fds concerned drive a leaf that started without its records, and repeats.</summary>
    private void DriveAgain(Operation operation, MustDrive must, int next, Action then)
    {
        if (next == must.Fds.Length)
        {
            then();
            return;
        }

        FdId fd = must.Fds[next];
        Send(operation, FaultyCaller.Client, new DriveAgain(fd, must.Leaf), fd.Object, mustSucceed: true, _ =>
            Post(new MachineEvent(EventKind.Finish, "client", null, operation, () => DriveAgain(operation, must, next + 1, then))));
    }
}
