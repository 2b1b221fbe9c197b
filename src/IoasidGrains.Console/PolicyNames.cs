// The names of profiles on the command line; used by run, compare, explore and policies.
using System.CommandLine.Parsing;
using IoasidGrains.Core;
using IoasidGrains.Flows;

namespace IoasidGrains.Console;

/// <summary>Checks and reads names of profiles.</summary>
internal static class PolicyNames
{
    public const string All = "all";

    /// <summary>Refuses what is no profile, and says which word was meant. <c>all</c>, and several with commas between them, only where there may be several.</summary>
    public static void Check(OptionResult option, bool several = true)
    {
        string value = option.Tokens.Count == 1 ? option.Tokens[0].Value : "";
        string[] known = [.. Profiles.All.Select(profile => profile.Name)];
        foreach (string name in several ? value.Split(',') : [value])
        {
            if (name.Length > 0 && Profiles.Find(name) is null && !(several && value == All))
            {
                string hint = NearestWord.Of(name, known) is { } nearest ? $"; did you mean '{nearest}'?" : "";
                option.AddError($"'{name}' is no policy; expected {string.Join(" or ", known)}{hint}");
            }
        }
    }

    /// <summary>The profiles of a value that was checked, in its order.</summary>
    public static Profile[] Read(string value) => value == All
        ? [.. Profiles.All]
        : [.. value.Split(',', StringSplitOptions.RemoveEmptyEntries).Distinct().Select(name => Profiles.Find(name)!)];
}
