// What the rules of an ioasid_fd decide about one command, before anything changes.
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Either an answer that changes nothing (a refusal, a query), or changes with the claims they need and the answer they bring.</summary>
public sealed record Decision(Reply Reply, Change[] Changes, Claim[] Claims)
{
    /// <summary>What to answer if the VM that must be alive has ended. A file that must be open and is not answers EBADF, any other refused claim EBUSY.</summary>
    public Errno IfVmEnded { get; init; } = Errno.EBADF;

    /// <summary>What each claim answers if it is refused, where that differs from claim to claim.</summary>
    public (Claim Claim, Errno IfRefused)[] Refusals { get; init; } = [];

    /// <summary>The process after the calls that this commits.</summary>
    public ProcessState? Process { get; init; }

    /// <summary>What is decided instead if the host has a unit that cannot enforce.</summary>
    public Decision? Otherwise { get; init; }

    /// <summary>Leads to the same.</summary>
    public bool SameAs(Decision other) => Reply == other.Reply && Changes.SequenceEqual(other.Changes) && Claims.SequenceEqual(other.Claims);

    public Errno ErrnoOf(Claim refused) => Array.Find(Refusals, one => one.Claim == refused) is { Claim: not null } known ? known.IfRefused : refused.Kind == ClaimKind.Take ? Errno.EBUSY
        : Changes[^1] is DeviceBound bound && refused.Name == Claim.ClosedName(bound.Device) ? Errno.EBADF : IfVmEnded;

    public static Decision Refuse(Errno errno) => new(Reply.Refuse(errno), [], []);

    public static Decision Answer(Reply reply) => new(reply, [], []);

    public static Decision Change(params Change[] changes) => new(Reply.Ok, changes, []);

    public Decision With(Reply reply) => this with { Reply = reply };

    public Decision With(params Claim[] claims) => this with { Claims = [.. Claims, .. claims] };
}
