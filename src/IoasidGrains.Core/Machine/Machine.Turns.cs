// The Machine's messages and turns: what grains and their mailboxes are on a cluster.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

public sealed partial class Machine
{
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
        if (posted.Target is { } addressee && _unheard.TryGetValue(addressee, out List<MachineEvent>? unheard))
        {
            unheard.Add(posted);
        }
        else if (posted.Target is { } target && _mailboxes.TryGetValue(target, out Mailbox? mailbox) && mailbox.Current is not null)
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
        if (hit && _fault!.Kind == FaultKind.FailBefore)
        {
            back(null);
            return;
        }

        Post(new MachineEvent(EventKind.Deliver, to.Key, command, operation, () => Begin(operation, command, to, hit ? _ => back(null) : back)) { Target = to });
    }

    private bool IsHit(Operation operation, FaultyCaller caller, bool mustSucceed)
    {
        if (++_calls != _fault?.Call)
        {
            return false;
        }

        (_fault.Hit, _fault.Caller, _fault.MustSucceed) = (operation, caller, mustSucceed);
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

        _starting = operation;
        Take(turn, mailbox.Object.Handle(command));
    }

    private Mailbox MailboxOf(ObjectId id)
    {
        if (!_mailboxes.TryGetValue(id, out Mailbox? mailbox))
        {
            StoredObject stored = KernelObjects.IsStored(id.Kind) ? Store.Load(id) : StoredObject.Nothing;
            _mailboxes.Add(id, mailbox = new Mailbox(KernelObjects.Create(id, stored, _views), stored.Epoch));
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
            case CallAll all:
                PostCalls(turn, all);
                break;
            case Await wait:
                string lane = turn.Mailbox.Object.Id.Key;
                _awaited.Add((wait.Until, new MachineEvent(EventKind.Reached, lane, turn.Command, turn.Operation, () => Take(turn, wait.Then()))));
                break;
        }
    }

    // ---- workloads that run beside the turns ---------------------------------------------------------------------------------------------

    private void StartRun(DmaRun run)
    {
        _runs.Add(run);
        PostSection(run, _starting!);
    }

    private void PostSection(DmaRun run, Operation operation)
    {
        _sections++;
        _pending.Add(new MachineEvent(EventKind.Section, run.Device.Key, null, operation, () =>
        {
            DmaPoint point = run.Next();
            if (point == DmaPoint.Asks)
            {
                Command asked = run.Message!;
                Send(operation, FaultyCaller.Object, asked, run.To, mustSucceed: true, reply =>
                    Post(new MachineEvent(EventKind.Return, run.Device.Key, asked, operation, () =>
                    {
                        run.Take(reply);
                        PostSection(run, operation);
                    })));
            }
            else if (point == DmaPoint.Waits)
            {
                _awaited.Add((run.Until!, new MachineEvent(EventKind.Reached, run.Device.Key, run.Message, operation, () => PostSection(run, operation))));
            }
            else if (point != DmaPoint.Over)
            {
                PostSection(run, operation);
            }
        }));
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
        bool mustSucceed = turn.Committed || turn.Command.MustFinish;
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

    /// <summary>The turn goes on when the last of them is answered, or when time is up.</summary>
    private void PostCalls(Turn turn, CallAll all)
    {
        string lane = turn.Mailbox.Object.Id.Key;
        var replies = new Reply?[all.Calls.Length];
        int open = replies.Length;
        var timeUp = new MachineEvent(EventKind.Reached, lane, all.Calls[0].Command, turn.Operation, () =>
        {
            open = 0;
            Take(turn, all.Then(replies));
        });
        _awaited.Add((new LeaseOver(_views, _now + all.Within), timeUp));

        void Ask(int index) => Send(turn.Operation, FaultyCaller.Object, all.Calls[index].Command, all.Calls[index].To, mustSucceed: true, reply =>
        {
            if (reply is null)
            {
                Ask(index);
            }
            else if (open > 0)
            {
                replies[index] = reply;
                open--;
                if (open == 0 && _awaited.RemoveAll(item => item.Event == timeUp) == 1)
                {
                    Post(new MachineEvent(EventKind.Return, lane, all.Calls[0].Command, turn.Operation, () => Take(turn, all.Then(replies))));
                }
            }
        });

        for (int index = 0; index < all.Calls.Length; index++)
        {
            Invariant.Check(ObjectId.MayCall(turn.Mailbox.Object.Id, all.Calls[index].To), $"{turn.Mailbox.Object.Id} calls {all.Calls[index].To}: calls go down.");
            Ask(index);
        }
    }

    private void PostAppend(Turn turn, Commit commit)
    {
        bool hit = IsHit(turn.Operation, FaultyCaller.Append, mustSucceed: _fault?.Kind != FaultKind.FailBefore);
        if (hit && _fault!.Kind == FaultKind.FailBefore)
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
