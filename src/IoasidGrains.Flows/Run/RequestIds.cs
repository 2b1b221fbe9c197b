// Names the operations of one client; used wherever commands are made outside of a flow.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Ids of one session, each once. Commands that run at the same time belong in sessions of their own.</summary>
/// <param name="session">Unique among the clients of the same objects.</param>
public sealed class RequestIds(string session)
{
    private long _last;

    public RequestId Next() => new(session, Interlocked.Increment(ref _last));
}
