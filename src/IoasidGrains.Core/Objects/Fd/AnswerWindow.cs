// What an fd has already answered: the last requests of each session, so that a retry is answered and not done again.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>The committed requests of each session, newest last. An immutable value, rebuilt from the log.</summary>
public sealed record AnswerWindow
{
    /// <summary>Requests remembered per session; an older one answers ESTALE.</summary>
    public const int PerSession = 64;

    /// <summary>Sessions remembered; past it the one that was longest silent is forgotten.</summary>
    public const int Sessions = 1024;

    public static readonly AnswerWindow Empty = new();

    private sealed record Session(ImmutableQueue<LogRecord> Records, int Count, long Newest, long Forgotten);

    private ImmutableDictionary<string, Session> BySession { get; init; } = ImmutableDictionary<string, Session>.Empty;

    /// <summary>Every record that is remembered, oldest first.</summary>
    public IEnumerable<LogRecord> All => BySession.Values.SelectMany(session => session.Records).OrderBy(record => record.Sequence);

    /// <summary>How far each session is.</summary>
    public IEnumerable<SessionSnapshot> Bounds => BySession.Select(session => new SessionSnapshot(session.Key, session.Value.Newest, session.Value.Forgotten));

    /// <summary>The window that a snapshot keeps.</summary>
    public static AnswerWindow Of(FdSnapshot snapshot)
    {
        AnswerWindow window = snapshot.Answers.Aggregate(Empty, (grown, record) => grown.Add(record));
        return new AnswerWindow
        {
            BySession = window.BySession.SetItems(snapshot.Sessions.Select(bound => KeyValuePair.Create(
                bound.Session, window.BySession[bound.Session] with { Newest = bound.Newest, Forgotten = bound.Forgotten }))),
        };
    }

    /// <summary>The record that answered this request, or null. <paramref name="tooOld"/>: it may have been answered before the window.</summary>
    public LogRecord? Find(RequestId request, out bool tooOld)
    {
        tooOld = false;
        if (request.Session is null || !BySession.TryGetValue(request.Session, out Session? session) || request.Sequence > session.Newest)
        {
            return null;
        }

        tooOld = request.Sequence <= session.Forgotten;
        return session.Records.FirstOrDefault(record => record.Request.Sequence == request.Sequence);
    }

    /// <summary>With one more answered request.</summary>
    public AnswerWindow Add(LogRecord record)
    {
        Session session = BySession.GetValueOrDefault(record.Request.Session) ?? new Session([], 0, 0, -1);
        ImmutableQueue<LogRecord> records = session.Records.Enqueue(record);
        long forgotten = session.Forgotten;
        if (session.Count == PerSession)
        {
            forgotten = Math.Max(forgotten, records.Peek().Request.Sequence);
            records = records.Dequeue();
        }

        var grown = new Session(
            records, Math.Min(session.Count + 1, PerSession), Math.Max(session.Newest, record.Request.Sequence), forgotten);
        return new AnswerWindow { BySession = WithRoom(record.Request.Session).SetItem(record.Request.Session, grown) };
    }

    private ImmutableDictionary<string, Session> WithRoom(string session) =>
        BySession.Count < Sessions || BySession.ContainsKey(session)
            ? BySession
            : BySession.Remove(BySession.MinBy(entry => entry.Value.Records.Last().Sequence).Key);
}
