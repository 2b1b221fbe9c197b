// The five things an object can say: an answer, a commit, a call to one object further down, one to several, or that it must wait for readers without messages.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>What an object wants next. It never calls, waits, locks, logs or reads a clock itself; the runner takes the steps.</summary>
public abstract record Step;

/// <summary>The turn is over.</summary>
public sealed record Answer(Reply Reply) : Step;

/// <summary>The turn goes on when this is reached: no reader is left in what was taken away, a lease is over. Nothing that is waited for needs this object.</summary>
public sealed record Await(Completion Until, Func<Step> Then) : Step;

/// <summary>
/// Append to this object's log, with claims, in one store transaction. If the append fails the runner ends the turn with EIO; otherwise
/// <paramref name="Then"/> is handed the result (committed, or a claim refused). Only <c>IoasidFd</c> commits, and <c>Kvm</c> and <c>Device</c> for their own files.
/// </summary>
public sealed record Commit(LogRecord Record, Claim[] Claims, Func<CommitResult, Step> Then) : Step;

/// <summary>
/// One call to one object further down. Before the commit of a turn a failed call ends it with EIO and nothing changed;
/// after it, and in a drive, the runner repeats the call until it is answered.
/// </summary>
public sealed record Call(ObjectId To, Command Command, Func<Reply, Step> Then) : Step;

/// <summary>
/// Calls to several objects further down at the same time, after the commit or in a drive. Each is repeated until it is answered, but none for longer than
/// <paramref name="Within"/> nanoseconds: what was not answered by then is null.
/// </summary>
public sealed record CallAll((ObjectId To, Command Command)[] Calls, long Within, Func<Reply?[], Step> Then) : Step;
