// All objects of one small host, taken from state to state without messages; used by the search, and by whoever runs two of them side by side.
using System.Collections.Concurrent;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Where in a saved state each object stands; shared by the worlds that exchange states. Safe for any thread.</summary>
public sealed class WorldPlaces
{
    private readonly ConcurrentDictionary<ObjectId, int> _places = [];
    private readonly Lock _lock = new();
    private volatile ObjectId[] _ids = [];

    public int Of(ObjectId id) => _places.GetOrAdd(id, static (id, places) => places.Add(id), this);

    public ObjectId At(int place) => _ids[place];

    private int Add(ObjectId id)
    {
        lock (_lock)
        {
            int known = Array.IndexOf(_ids, id);
            _ids = known < 0 ? [.. _ids, id] : _ids;
            return known < 0 ? _ids.Length - 1 : known;
        }
    }
}

/// <summary>A state of a world: every object's, by place, and the store's. Immutable.</summary>
/// <param name="objects">Null: not started.</param>
/// <param name="requests">Requests so far: objects remember them, so whoever goes on from here counts on from here.</param>
public sealed class WorldState(object?[] objects, StoreMark store, long requests)
{
    internal long Requests => requests;

    internal object?[] Objects => objects;

    internal StoreMark Store => store;
}

/// <summary>
/// Serial and synchronous: one command runs to its end before the next, every call is answered at once, nothing fails and nobody reads beside the turns. So there is
/// nothing to wait for. Going back to a state costs what differs from it.
/// </summary>
public sealed class World(WorldPlaces places)
{
    private const string Session = "explore";

    /// <summary>One object. <paramref name="Fresh"/> is its state before anything was done to it.</summary>
    private sealed record Resident(KernelObject Object, long Epoch, object Fresh);

    private readonly CommitStore _store = new();
    private readonly LocalViews _views = new(() => 0, long.MaxValue, _ => throw new InvariantException("A search runs no workloads."), apart: true);
    private readonly Dictionary<ObjectId, Resident> _residents = [];
    private Resident?[] _byPlace = [];
    private long _requests;

    /// <summary>Runs one command to its end. Request ids are the world's own.</summary>
    public Reply Run(UapiCommand command)
    {
        UapiCommand numbered = command with { Request = new RequestId(Session, ++_requests) };
        if (numbered.Malformed is var errno && errno != Errno.OK)
        {
            return Reply.Refuse(errno);
        }

        if (numbered is Declaration declaration && !_store.Declare(declaration))
        {
            return Reply.Refuse(Errno.EEXIST);
        }

        EntryPoint entry = numbered.Entry;
        if (!entry.AtHolder)
        {
            return Hand(entry.Object, numbered);
        }

        DeviceClaims claims = _store.ClaimsOf(new DeviceId(entry.Object.Key));
        return claims.Holder is null && claims.FileClosed && numbered is not CloseDevice
            ? Reply.Refuse(Errno.EBADF)
            : Hand(claims.Holder?.Object ?? entry.Object, numbered);
    }

    /// <summary>The object of this id, started if it was not.</summary>
    public KernelObject Find(ObjectId id) => ResidentOf(id).Object;

    public WorldState Save()
    {
        object?[] states = new object?[_byPlace.Length];
        for (int place = 0; place < states.Length; place++)
        {
            states[place] = _byPlace[place]?.Object.State;
        }

        return new WorldState(states, _store.Save(), _requests);
    }

    public void Restore(WorldState state)
    {
        for (int place = 0; place < state.Objects.Length; place++)
        {
            if (state.Objects[place] is not null && (place >= _byPlace.Length || _byPlace[place] is null))
            {
                ResidentOf(places.At(place));
            }
        }

        for (int place = 0; place < _byPlace.Length; place++)
        {
            if (_byPlace[place] is { } resident)
            {
                object saved = StateAt(state, place) ?? resident.Fresh;
                if (resident.Object.State != saved)
                {
                    resident.Object.State = saved;
                }
            }
        }

        _store.Restore(state.Store);
        _requests = state.Requests;
    }

    /// <summary>Is every object in the very state that was saved, so that nothing has happened since?</summary>
    public bool IsIn(WorldState state)
    {
        for (int place = 0; place < _byPlace.Length; place++)
        {
            if (_byPlace[place] is { } resident && resident.Object.State != (StateAt(state, place) ?? resident.Fresh))
            {
                return false;
            }
        }

        return _store.Save() == state.Store;
    }

    private static object? StateAt(WorldState state, int place) => place < state.Objects.Length ? state.Objects[place] : null;

    private Reply Hand(ObjectId to, Command command)
    {
        Resident resident = ResidentOf(to);
        Step step = resident.Object.Handle(command);
        while (true)
        {
            switch (step)
            {
                case Answer answer:
                    return answer.Reply;
                case Commit commit:
                    CommitResult result = _store.Append(to, resident.Epoch, commit.Record, commit.Claims);
                    Invariant.Check(result.Status is CommitStatus.Committed or CommitStatus.ClaimRefused, $"{to} cannot append: {result.Status}.");
                    step = commit.Then(result);
                    break;
                case Call call:
                    Invariant.Check(ObjectId.MayCall(to, call.To), $"{to} calls {call.To}: calls go down.");
                    step = call.Then(Hand(call.To, call.Command));
                    break;
                case CallAll all:
                    step = all.Then(Array.ConvertAll<(ObjectId To, Command Command), Reply?>(all.Calls, one => Hand(one.To, one.Command)));
                    break;
                case Await wait:
                    Invariant.Check(wait.Until.IsReached, $"{to} waits though nobody reads.");
                    step = wait.Then();
                    break;
            }
        }
    }

    private Resident ResidentOf(ObjectId id)
    {
        if (_residents.TryGetValue(id, out Resident? resident))
        {
            return resident;
        }

        StoredObject stored = KernelObjects.IsStored(id.Kind) ? _store.Load(id) : StoredObject.Nothing;
        KernelObject started = KernelObjects.Create(id, stored, _views);
        resident = new Resident(started, stored.Epoch, started.State);
        _residents.Add(id, resident);
        int place = places.Of(id);
        if (place >= _byPlace.Length)
        {
            Array.Resize(ref _byPlace, place + 1);
        }

        _byPlace[place] = resident;
        return resident;
    }
}
