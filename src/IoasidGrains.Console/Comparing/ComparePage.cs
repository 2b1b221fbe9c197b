// The page of `ioasid compare --html`: timelines drawn, everything in one file, readable in black and white on paper.
using System.Globalization;
using System.Net;
using System.Text;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>HTML with inline SVG and no script: a summary, a timeline per profile, the steps.</summary>
internal static class ComparePage
{
    private const string Style = """
        body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#111;background:#fff}
        h1{font-size:1.4rem;margin:0 0 .3rem} h2{font-size:1.05rem;margin:1.6rem 0 .2rem} p{margin:.2rem 0 .6rem}
        table{border-collapse:collapse;font-variant-numeric:tabular-nums} th,td{padding:.15rem .55rem;border-bottom:1px solid #ccc;text-align:left;white-space:nowrap}
        th{border-bottom:2px solid #111;white-space:normal;vertical-align:bottom} .wide table{font-size:.9em} td.n,th.n{text-align:right} td.wrap{white-space:normal} .wide{overflow-x:auto} code{font:12.5px/1.4 ui-monospace,monospace}
        .bad{font-weight:700;color:#b00020} .dim{color:#555} section{break-inside:avoid} svg{width:100%;height:auto;display:block}
        @media print{body{margin:0;max-width:none;font-size:10.5px} a{color:inherit;text-decoration:none} .wide{overflow:visible} code{font-size:9.5px}}
        """;

    public static string Of(Comparison comparison)
    {
        var page = new StringBuilder();
        string title = Text(Path.GetFileName(comparison.Flow.FileName));
        page.AppendLine($"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}: policies compared</title>");
        page.AppendLine($"<style>{Style}</style></head><body><h1>{title} under {comparison.Runs.Length} policies</h1>");
        Introduce(page, comparison.Flow);
        Summary(page, comparison);
        page.AppendLine(CompareTimeline.Legend);
        foreach (ComparedRun run in comparison.Runs)
        {
            page.AppendLine($"<section id=\"{run.Profile.Name}\"><h2>{Text(run.Profile.Name)}</h2><p class=\"dim\">{Text(run.Profile.Sharing.Name)}; KVM: {Text(run.Profile.Kvm.Name)}. {Text(run.Profile.Whose)}, {Text(run.Profile.Since)}.</p>");
            CompareTimeline.Draw(page, comparison, run);
            page.AppendLine("</section>");
        }

        Steps(page, comparison);
        page.AppendLine("</body></html>");
        return page.ToString();
    }

    internal static string Text(string text) => WebUtility.HtmlEncode(text);

    /// <summary>What the file says of itself before its first step.</summary>
    private static void Introduce(StringBuilder page, Flow flow)
    {
        IEnumerable<string> words = flow.Lines.TakeWhile(line => line.Step is null).Select(line => line.Comment.TrimStart('#', ' ')).Where(line => line.Length > 0);
        page.AppendLine($"<p>{Text(string.Join(' ', words))}</p>");
    }

    private static void Summary(StringBuilder page, Comparison comparison)
    {
        string[] devices = comparison.Devices, vms = comparison.Vms;
        page.Append("<div class=\"wide\"><table><tr><th>Policy</th>");
        page.AppendJoin("", devices.Concat(vms).Select(name => $"<th>{Text(name)}</th>"));
        page.AppendJoin("", CompareCosts.Names.Prepend("gaps").Select(name => $"<th class=\"n\">{Text(name.Replace('_', ' '))}</th>"));
        page.AppendLine("</tr>");
        foreach (ComparedRun run in comparison.Runs)
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr><td><a href=\"#{run.Profile.Name}\">{Text(run.Profile.Name)}</a></td>");
            page.AppendJoin("", devices.Select(name => $"<td>{Array.Find(run.End.Devices, device => device.Name == name)?.Letter ?? '-'}</td>"));
            page.AppendJoin("", vms.Select(name => $"<td>{(Array.Find(run.End.Vms, vm => vm.Name == name) is { } vm ? $"{vm.Count} {vm.Wbinvd.Word()}" : "-")}</td>"));
            page.Append($"<td class=\"n{(run.GapSteps > 0 ? " bad" : "")}\">{run.GapSteps}</td>");
            page.AppendJoin("", CompareCosts.Of(run).Select(cost => $"<td class=\"n\">{cost}</td>"));
            page.AppendLine("</tr>");
        }

        page.AppendLine("</table></div><p class=\"dim\">At the end of the history: the table of each device, noncoherent_dma and wbinvd of each VM. Gaps: steps after which a device could send no-snoop past the caches while its VM ignored wbinvd. The costs count the whole history.</p>");
    }

    private static void Steps(StringBuilder page, Comparison comparison)
    {
        Dictionary<int, Parting> partings = comparison.Errnos.Concat(comparison.Accesses).DistinctBy(parting => parting.Step).ToDictionary(parting => parting.Step);
        page.AppendLine("<h2>Steps</h2><div class=\"wide\"><table><tr><th class=\"n\">#</th><th>Step</th><th>Answer</th></tr>");
        for (int step = 0; step < comparison.Runs[0].Steps.Length; step++)
        {
            StepResult result = comparison.Runs[0].Steps[step];
            string answer = partings.TryGetValue(step, out Parting? parting)
                ? string.Join("<br>", parting.Answers.Select(each => $"<b>{Text(each.Answer)}</b> {Text(string.Join(' ', each.Profiles))}"))
                : Text(result.Reply.ToString());
            page.AppendLine($"<tr><td class=\"n\">{step + 1}</td><td><code>{Text(result.Line.Text)}</code></td><td class=\"wrap\"><code>{answer}</code></td></tr>");
        }

        page.AppendLine("</table></div>");
    }
}
