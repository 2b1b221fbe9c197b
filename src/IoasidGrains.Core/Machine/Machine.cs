// All objects in one process: takes the same steps as the grains, in an order that a schedule picks.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// The in-process runner. Every message (a request, a reply, an append, a look-up) is one event; which pending event comes next is the schedule's choice,
/// so a run is a function of its seed. <see cref="Call"/> runs one command to its end; <see cref="Start"/> and <see cref="RunAll"/> run several at once.
/// </summary>
public sealed class Machine(Schedule? schedule = null, Fault? fault = null) : IUapi
{
    private readonly Dictionary<ObjectId, Mailbox> _mailboxes = [];
    private readonly List<MachineEvent> _pending = [];
    private readonly Schedule _schedule = schedule ?? Schedule.InOrder();
    private readonly Dictionary<(string Session, DeviceId Device), FdId> _remembered = [];
    private readonly Dictionary<string, int> _numbers = [];
    private int _calls;

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

#pragma warning disable RS0030 // The port is asynchronous for the cluster's sake; here the task is always completed.
    public ValueTask<Reply> Call(UapiCommand command)
    {
        Operation operation = Start(command);
        RunAll();
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
        while (_pending.Count > 0)
        {
            TakeOne();
        }
    }

    /// <summary>Takes the next event; false if there is none.</summary>
    public bool TakeOne()
    {
        if (_pending.Count == 0)
        {
            return false;
        }

        int index = _schedule.Next(_pending);
        MachineEvent taken = _pending[index];
        _pending.RemoveAt(index);
        Events++;
        TraceHash = (TraceHash ^ HashOf(taken)) * 1099511628211;
        Trace?.Add($"{Events,5} {taken}");
        taken.Run();
        return true;
    }

    /// <summary>Forgets what an object knows, as if its silo had died between two turns; it starts again from the store when it is next called.</summary>
    public void Lose(ObjectId id)
    {
        Invariant.Check(!_mailboxes.TryGetValue(id, out Mailbox? mailbox) || mailbox.Current is null, $"{id} is in a turn and cannot be lost.");
        _mailboxes.Remove(id);
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

    // ---- messages and turns ------------------------------------------------------------------------------------------------------------

    private const string StoreLane = "store";
    private const int MaxAttempts = 4;

    private sealed class Mailbox(KernelObject kernelObject, long epoch)
    {
        public KernelObject Object { get; } = kernelObject;

        public long Epoch { get; } = epoch;

        public Turn? Current { get; set; }

        /// <summary>Deliveries that wait for the turn to end.</summary>
        public List<MachineEvent> Waiting { get; } = [];
    }

    private sealed record Turn(Mailbox Mailbox, Operation Operation, Command Command, Action<Reply?> Return)
    {
        public bool Committed { get; set; }
    }

    private void Post(MachineEvent posted)
    {
        if (posted.Target is { } target && _mailboxes.TryGetValue(target, out Mailbox? mailbox) && mailbox.Current is not null)
        {
            mailbox.Waiting.Add(posted);
        }
        else
        {
            _pending.Add(posted);
        }
    }

    /// <summary>One call, which the fault may hit. <paramref name="back"/> gets the reply, or null if the call failed or its reply was lost.</summary>
    private void Send(Operation operation, FaultyCaller caller, Command command, ObjectId to, bool mustSucceed, Action<Reply?> back)
    {
        bool hit = IsHit(operation, caller, mustSucceed);
        if (hit && fault!.Kind == FaultKind.FailBefore)
        {
            back(null);
            return;
        }

        Post(new MachineEvent(EventKind.Deliver, to.Key, command, operation, () => Begin(operation, command, to, hit ? _ => back(null) : back)) { Target = to });
    }

    private bool IsHit(Operation operation, FaultyCaller caller, bool mustSucceed)
    {
        if (++_calls != fault?.Call)
        {
            return false;
        }

        (fault.Hit, fault.Caller, fault.MustSucceed) = (operation, caller, mustSucceed);
        return true;
    }

    private void Begin(Operation operation, Command command, ObjectId to, Action<Reply?> back)
    {
        if (command is Declaration declaration && !Store.Declare(declaration))
        {
            back(Reply.Refuse(Errno.EEXIST));
            return;
        }

        Mailbox mailbox = MailboxOf(to);
        var turn = new Turn(mailbox, operation, command, back);
        mailbox.Current = turn;
        ParkOthers(mailbox, to);
        // A device that nobody holds refuses what the look-up sent it: that was decided when the store was asked.
        bool decidedByLookup = to.Kind == ObjectKind.Device && operation.Command.Entry.AtHolder;
        if (command is UapiCommand && !operation.Committed && !decidedByLookup)
        {
            operation.EffectAt = Events;
        }

        Take(turn, mailbox.Object.Handle(command));
    }

    private Mailbox MailboxOf(ObjectId id)
    {
        if (!_mailboxes.TryGetValue(id, out Mailbox? mailbox))
        {
            StoredObject stored = KernelObjects.IsStored(id.Kind) ? Store.Load(id) : StoredObject.Nothing;
            _mailboxes.Add(id, mailbox = new Mailbox(KernelObjects.Create(id, stored), stored.Epoch));
        }

        return mailbox;
    }

    private void ParkOthers(Mailbox mailbox, ObjectId id)
    {
        for (int i = _pending.Count - 1; i >= 0; i--)
        {
            if (_pending[i].Target == id)
            {
                mailbox.Waiting.Add(_pending[i]);
                _pending.RemoveAt(i);
            }
        }
    }

    private void Take(Turn turn, Step step)
    {
        switch (step)
        {
            case Answer answer:
                End(turn, answer.Reply);
                break;
            case Commit commit:
                PostAppend(turn, commit);
                break;
            case Call call:
                PostCall(turn, call);
                break;
        }
    }

    private void End(Turn turn, Reply reply)
    {
        turn.Mailbox.Current = null;
        _pending.AddRange(turn.Mailbox.Waiting);
        turn.Mailbox.Waiting.Clear();
        turn.Return(reply);
    }

    private void PostCall(Turn turn, Call call)
    {
        ObjectId caller = turn.Mailbox.Object.Id;
        Invariant.Check(ObjectId.MayCall(caller, call.To), $"{caller} calls {call.To}: calls go down.");
        bool mustSucceed = turn.Committed || turn.Command is Drive;
        Send(turn.Operation, FaultyCaller.Object, call.Command, call.To, mustSucceed, reply =>
            Post(new MachineEvent(EventKind.Return, caller.Key, call.Command, turn.Operation, () =>
            {
                if (reply is not null)
                {
                    Take(turn, call.Then(reply));
                }
                else if (mustSucceed)
                {
                    PostCall(turn, call);
                }
                else
                {
                    End(turn, Reply.Refuse(Errno.EIO));
                }
            })));
    }

    private void PostAppend(Turn turn, Commit commit)
    {
        bool hit = IsHit(turn.Operation, FaultyCaller.Append, mustSucceed: fault?.Kind != FaultKind.FailBefore);
        if (hit && fault!.Kind == FaultKind.FailBefore)
        {
            Appended(turn, commit, lost: false, new CommitResult(CommitStatus.Failed));
            return;
        }

        Post(new MachineEvent(EventKind.Append, StoreLane, turn.Command, turn.Operation, () =>
        {
            Mailbox mailbox = turn.Mailbox;
            CommitResult result = Store.Append(mailbox.Object.Id, mailbox.Epoch, commit.Record, commit.Claims);
            if (result.Status == CommitStatus.Committed || !turn.Operation.Committed)
            {
                turn.Operation.EffectAt = turn.Operation.Committed ? turn.Operation.EffectAt : Events;
                turn.Operation.Committed |= result.Status == CommitStatus.Committed;
            }

            Post(new MachineEvent(EventKind.Return, mailbox.Object.Id.Key, turn.Command, turn.Operation, () => Appended(turn, commit, hit, result)));
        }));
    }

    private void Appended(Turn turn, Commit commit, bool lost, CommitResult result)
    {
        if (lost)
        {
            PostAppend(turn, commit);
        }
        else if (result.Status is CommitStatus.Fenced or CommitStatus.Failed)
        {
            End(turn, Reply.Refuse(Errno.EIO));
        }
        else
        {
            turn.Committed |= result.Status == CommitStatus.Committed;
            Take(turn, commit.Then(result));
        }
    }
}
