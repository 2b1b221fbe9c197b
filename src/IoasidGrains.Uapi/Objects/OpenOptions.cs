// What is chosen when an ioasid_fd is opened.
namespace IoasidGrains.Uapi;

/// <summary>The choices of one ioasid_fd; each is a switch that the mails leave open.</summary>
/// <param name="Profile">Named policy; <c>seed-strict</c> is the mail's.</param>
/// <param name="RefuseCoherencyGap">Strict mode: attach to a no-snoop IOASID answers EPERM until every KVM of the fd was told (domain 3.5).</param>
/// <param name="MapNeedsAttach">RFC v1's letter: MAP before the first attach, or with a half-attached group, is EINVAL.</param>
/// <param name="LockedLimit">Bytes that may be pinned (RLIMIT_MEMLOCK); past it MAP and REGISTER_MEMORY answer ENOMEM.</param>
/// <param name="MappingLimit">Mappings that the fd may hold (dma_entry_limit); past it MAP answers ENOSPC.</param>
[GenerateSerializer, Immutable]
public sealed record OpenOptions(
    string Profile, bool RefuseCoherencyGap, bool MapNeedsAttach, ulong LockedLimit, int MappingLimit)
{
    public const string SeedStrict = "seed-strict";

    /// <summary>KVM's side, if it is not the profile's own.</summary>
    [Id(0)]
    public string? KvmSide { get; init; }

    /// <summary>The names that an fd understands; what is behind them is told by <c>ioasid policies</c>.</summary>
    public static readonly IReadOnlyList<string> Profiles =
    [
        SeedStrict, "rfc-v2", "shared-sticky", "shared-reformat", "type1", "type1-hostwide", "type1-reuse", "iommufd-6.2", "iommufd-6.7", "per-mapping",
        "attach-mode", "coherent-ioasid", "history-free",
    ];

    /// <summary>Names of KVM's sides.</summary>
    public static readonly IReadOnlyList<string> KvmSides =
        ["format-only", "format-and-device", "device-capability", "container-answer", "allow-disallow", "push", "push-and-flush"];

    /// <summary>What the records of a process are opened with.</summary>
    public static OpenOptions Of(ProcessOptions process) => new(process.Profile, false, false, ulong.MaxValue, int.MaxValue);

    public static readonly OpenOptions Default = new(SeedStrict, false, false, ulong.MaxValue, 65535);
}
