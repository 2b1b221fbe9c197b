// The named policies that an fd can be opened with.
namespace IoasidGrains.Core;

/// <summary>A sharing policy and a KVM side under one name.</summary>
/// <param name="Name">What <c>open FD /dev/ioasid NAME</c> says.</param>
/// <param name="Whose">Whose idea it was.</param>
public sealed record Profile(string Name, string Whose);

/// <summary>All profiles.</summary>
public static class Profiles
{
    public static readonly IReadOnlyList<Profile> All =
    [
        new(Uapi.OpenOptions.SeedStrict, "Kevin Tian, 4 June 2021: StrictFormat with FormatOnly"),
    ];

    /// <summary>The profile of a name, or null.</summary>
    public static Profile? Find(string name) => All.FirstOrDefault(profile => profile.Name == name);
}
