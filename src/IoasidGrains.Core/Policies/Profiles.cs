// The named policies that an fd can be opened with: a sharing policy and a KVM side under one name.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>A sharing policy and a KVM side.</summary>
/// <param name="Name">What <c>open FD /dev/ioasid NAME</c> says.</param>
/// <param name="Whose">Whose idea it was.</param>
/// <param name="Since">Since which kernel, or that none has it.</param>
public sealed record Profile(string Name, SharingPolicy Sharing, KvmSide Kvm, string Whose, string Since)
{
    /// <summary>The profile that this one promises never to be worse than; a search does every step under both. Null: it promises nothing.</summary>
    public string? Beside { get; init; }
}

/// <summary>All profiles and all KVM sides.</summary>
public static class Profiles
{
    private const string Never = "never in a kernel";

    public static readonly IReadOnlyList<Profile> All =
    [
        new(OpenOptions.SeedStrict, StrictFormat.Policy, FormatOnly.Side, "Kevin Tian, 4 June 2021 (the seed mail)", Never),
        new("rfc-v2", RelaxedFormat.Policy, PushOnChange.Side, "Kevin Tian, 9 July 2021 (RFC v2)", Never),
        new("shared-sticky", SharedSticky.Policy, PushOnChange.Side, "Jason Gunthorpe, June 2021", Never),
        new("shared-reformat", SharedReformat.Policy, PushOnChange.Side, "Jason Gunthorpe, 2022", Never),
        new("type1", Type1Split.Policy, DeviceCapability.Side, "Alex Williamson (VFIO type1)", "v6.2 with kvm-vfio asking devices; split since v5.19"),
        new("type1-hostwide", Type1HostWide.Policy, ContainerAnswer.Side, "VFIO type1 on VT-d", "v3.18 to v5.18"),
        new("type1-reuse", Type1Reuse.Policy, ContainerAnswer.Side, "a proposal of May 2022", Never),
        new("iommufd-6.2", IommufdUpgrade.Policy, DeviceCapability.Side, "Jason Gunthorpe (iommufd)", "v6.2 to v6.6"),
        new("iommufd-6.7", IommufdFixed.Policy, DeviceCapability.Side, "Jason Gunthorpe (iommufd)", "v6.7 on"),
        new("per-mapping", PerMapping.Policy, PushOnChange.Side, "raised by Alex Williamson, 4 June 2021", Never),
        new("attach-mode", AttachMode.Policy, PushOnChange.Side, "Jason Gunthorpe, 4 June 2021", Never),
        new("coherent-ioasid", CoherentIoasid.Policy, PushOnChange.Side, "Alex Williamson, 4 June 2021", Never),
        new("history-free", HistoryFree.Policy, PushAndFlush.Side, "this project", Never) { Beside = "type1" },
    ];

    public static readonly IReadOnlyList<KvmSide> KvmSides =
    [
        FormatOnly.Side, FormatAndDevice.Side, DeviceCapability.Side, ContainerAnswer.Side, AllowDisallow.Side, PushOnChange.Side, PushAndFlush.Side,
    ];

    /// <summary>Every profile with its own KVM side (null) and with every other one.</summary>
    private static readonly Dictionary<(string Name, string? KvmSide), Profile> Pairs = AllPairs();

    private static Dictionary<(string Name, string? KvmSide), Profile> AllPairs()
    {
        Dictionary<(string Name, string? KvmSide), Profile> pairs = [];
        foreach (Profile profile in All)
        {
            pairs.Add((profile.Name, null), profile);
            foreach (KvmSide side in KvmSides)
            {
                pairs.Add((profile.Name, side.Name), profile with { Kvm = side });
            }
        }

        return pairs;
    }

    /// <summary>The profile of a name, or null.</summary>
    public static Profile? Find(string name) => All.FirstOrDefault(profile => profile.Name == name);

    /// <summary>What these options choose; null for an unknown profile or KVM side.</summary>
    public static Profile? Find(OpenOptions options) => Pairs.GetValueOrDefault((options.Profile, options.KvmSide));

    /// <summary>What an fd was opened with.</summary>
    public static Profile Of(OpenOptions options) =>
        Find(options) ?? throw new InvariantException($"An fd is open with {options.Profile} and {options.KvmSide}, which do not exist.");
}
