// The answer to a command: an error number, a value and outputs.
namespace IoasidGrains.Uapi;

/// <summary>Whether the object did answer, or sent the caller elsewhere.</summary>
public enum ReplyStatus
{
    Answered,

    /// <summary>This fd does not hold the claim on the device; ask again who does.</summary>
    NotMine,

    /// <summary>The leaf started without its records; the fd concerned must drive it again.</summary>
    NotDriven,
}

/// <summary>What an object answers. Equal on every runner, to the byte of <see cref="ToString"/>.</summary>
/// <param name="Errno">OK, or why it was refused.</param>
/// <param name="Value">The ioctl's return value if not refused.</param>
/// <param name="Outputs">What else it reports, or null.</param>
[GenerateSerializer, Immutable]
public sealed record Reply(Errno Errno, long Value = 0, Outputs? Outputs = null, ReplyStatus Status = ReplyStatus.Answered)
{
    public static readonly Reply Ok = new(Errno.OK);
    public static readonly Reply NotMine = new(Errno.EINVAL, Status: ReplyStatus.NotMine);
    public static Reply NotDriven(ObjectId leaf, params FdId[] by) => new(Errno.EIO, 0, new MustDrive(leaf, by), ReplyStatus.NotDriven);

    public static Reply Refuse(Errno errno) => new(errno);

    public static Reply With(Outputs outputs) => new(Errno.OK, 0, outputs);

    public bool Succeeded => Errno == Errno.OK && Status == ReplyStatus.Answered;

    /// <summary>The right margin of a flow: <c>0</c>, <c>3</c>, <c>0 enforce_snoop</c>, <c>-EINVAL</c>.</summary>
    public override string ToString()
    {
        string result = Errno == Errno.OK ? Value.ToString() : $"-{Errno}";
        string text = Outputs?.Text ?? "";
        return text.Length == 0 ? result : $"{result} {text}";
    }
}
