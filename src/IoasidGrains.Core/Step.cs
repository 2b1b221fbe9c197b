// The three things an object can say: an answer, a commit, or a call to one object further down.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>What an object wants next. It never calls, waits, locks, logs or reads a clock itself; the runner takes the steps.</summary>
public abstract record Step;

/// <summary>The turn is over.</summary>
public sealed record Answer(Reply Reply) : Step;

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
