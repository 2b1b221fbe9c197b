// What a search has found, as text, as JSON and as figures; used by ExploreVerb.
using System.Globalization;
using System.Text.Json.Nodes;
using IoasidGrains.Core;

namespace IoasidGrains.Console;

/// <summary>The text says nothing of time, so that it is the same in every run.</summary>
internal static class ExploreReport
{
    private const int CheckWidth = 13;

    /// <summary>One line per profile, and one below it per broken check.</summary>
    public static IEnumerable<string> Lines(ExploredProfile explored, int asked)
    {
        SearchResult search = explored.Search;
        string end = search.End switch
        {
            SearchEnd.OutOfMemory => $"; stopped there: depth {asked} needs more memory than allowed",
            SearchEnd.Stopped => "; stopped there",
            _ => "",
        };
        yield return $"{explored.Profile.Name}: {(search.Holds ? "holds" : "broken")} to depth {search.Depth}: {search.States} states, {search.Histories} histories{end}";
        foreach (BrokenCheck broken in search.Broken)
        {
            yield return $"  {Checks.TitleOf(broken.Check).PadRight(CheckWidth)} {broken.Steps} steps  {explored.Flows[broken.Check]}  not so: {Checks.SentenceOf(broken.Check)}";
        }
    }

    /// <summary>One line with fixed fields.</summary>
    public static string Json(ExploredProfile explored) => new JsonObject
    {
        ["profile"] = explored.Profile.Name,
        ["depth"] = explored.Search.Depth,
        ["states"] = explored.Search.States,
        ["histories"] = explored.Search.Histories,
        ["seconds"] = Math.Round(explored.Seconds, 3),
        ["holds"] = explored.Search.Holds,
        ["broken"] = new JsonArray([.. explored.Search.Broken.Select(broken => new JsonObject
        {
            ["invariant"] = Checks.NameOf(broken.Check),
            ["steps"] = broken.Steps,
            ["flow"] = explored.Flows[broken.Check],
        })]),
    }.ToJsonString(new System.Text.Json.JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static string FigureHeading { get; } = $"{"profile",-16} {"depth",5} {"states",10} {"histories",12} {"seconds",8} {"histories/min",14} {"first break",11} {"bytes/state",11}";

    /// <summary>One profile's figures; the first break in seconds.</summary>
    public static string Figures(ExploredProfile explored) => FigureLine(
        explored.Profile.Name, explored.Search.Depth.ToString(CultureInfo.InvariantCulture), explored.Search.States, explored.Search.Histories, explored.Seconds,
        explored.FirstBreak?.ToString("f2", CultureInfo.InvariantCulture) ?? "-", explored.Search.BytesPerState);

    /// <summary>The sum of all, with the process' largest size.</summary>
    public static IEnumerable<string> Sum(IReadOnlyList<ExploredProfile> all)
    {
        double perState = all.Sum(explored => explored.Search.BytesPerState * explored.Search.States) / all.Sum(explored => (double)explored.Search.States);
        yield return FigureLine(
            "all", "", all.Sum(explored => (long)explored.Search.States), all.Sum(explored => explored.Search.Histories), all.Sum(explored => explored.Seconds), "", perState);
        using var self = System.Diagnostics.Process.GetCurrentProcess();
        yield return $"largest size of the process: {ByteSize.Text((ulong)self.PeakWorkingSet64)}, {Environment.ProcessorCount} threads";
    }

    private static string FigureLine(string name, string depth, long states, long histories, double seconds, string first, double perState) => string.Create(
        CultureInfo.InvariantCulture, $"{name,-16} {depth,5} {states,10} {histories,12} {seconds,8:f1} {histories / seconds * 60,14:f0} {first,11} {perState,11:f0}");
}
