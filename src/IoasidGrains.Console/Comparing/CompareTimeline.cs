// One profile's timeline as SVG: a lane per device and per VM, a column per step.
using System.Globalization;
using System.Text;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>Draws with shapes and letters, so that it reads without colour.</summary>
internal static class CompareTimeline
{
    private const int NameWidth = 96, LaneHeight = 24, BarHeight = 16, AxisHeight = 18, WidthOfSteps = 1000;

    /// <summary>Patterns that the drawings use, and what they mean; once per page.</summary>
    public const string Legend = """
        <svg viewBox="0 0 1100 30" role="img" aria-label="Legend"><defs>
        <pattern id="plain" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#fff"/><rect width="2" height="6" fill="#777"/></pattern>
        <pattern id="mixed" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#fff"/><circle cx="3" cy="3" r="1.3" fill="#555"/></pattern></defs>
        <g font-family="system-ui,sans-serif" font-size="12"><rect x="0" y="7" width="34" height="16" fill="#1d4f91" stroke="#111"/><text x="42" y="20">E: enforcing table</text>
        <rect x="170" y="7" width="34" height="16" fill="url(#plain)" stroke="#111"/><text x="212" y="20">P: plain table</text>
        <rect x="315" y="7" width="34" height="16" fill="url(#mixed)" stroke="#111"/><text x="357" y="20">M: per mapping</text>
        <rect x="470" y="7" width="34" height="16" fill="#fff" stroke="#111"/><text x="512" y="20">bound, blocked</text>
        <rect x="612" y="7" width="34" height="16" fill="url(#plain)" stroke="#b00020" stroke-width="3"/><text x="654" y="20">gap: no-snoop passes, wbinvd ignored</text>
        <rect x="900" y="9" width="34" height="12" fill="#d98200" stroke="#111"/><text x="942" y="20">KVM emulates wbinvd</text></g></svg>
        """;

    public static void Draw(StringBuilder page, Comparison comparison, ComparedRun run)
    {
        string[] devices = comparison.Devices, vms = comparison.Vms;
        int height = AxisHeight + ((devices.Length + vms.Length) * LaneHeight) + 4;
        page.Append(CultureInfo.InvariantCulture, $"<svg viewBox=\"0 0 {NameWidth + WidthOfSteps + 4} {height}\" role=\"img\" aria-label=\"Timeline of {run.Profile.Name}\" font-family=\"system-ui,sans-serif\" font-size=\"12\">");
        Axis(page, run, height);
        int y = AxisHeight;
        foreach (string name in devices)
        {
            Name(page, name, y);
            Bars(page, run, y, picture => Array.Find(picture.Devices, device => device.Name == name) is { Place: not DevicePlace.Absent } device ? Style(device) : null);
            y += LaneHeight;
        }

        foreach (string name in vms)
        {
            Name(page, name, y);
            Bars(page, run, y, picture => Array.Find(picture.Vms, vm => vm.Name == name) is { } vm ? Style(vm) : null);
            y += LaneHeight;
        }

        page.AppendLine("</svg>");
    }

    /// <summary>What a stretch of a lane looks like; equal ones that follow each other are one bar.</summary>
    private sealed record Bar(string Fill, string Stroke, double StrokeWidth, string Letter, string LetterFill, int Height);

    private static Bar Style(DevicePicture device)
    {
        (string stroke, double width) = device.Gap ? ("#b00020", 3) : ("#111", 1);
        return device.Place switch
        {
            DevicePlace.Enforcing => new Bar("#1d4f91", stroke, width, "E", "#fff", BarHeight),
            DevicePlace.Plain => new Bar("url(#plain)", stroke, width, device.Gap ? "P!" : "P", "#111", BarHeight),
            DevicePlace.PerMapping => new Bar("url(#mixed)", stroke, width, device.Gap ? "M!" : "M", "#111", BarHeight),
            _ => new Bar("#fff", stroke, width, "", "#111", BarHeight),
        };
    }

    private static Bar Style(VmPicture vm) => vm.Wbinvd == WbinvdMode.Nop
        ? new Bar("#bbb", "none", 0, "", "#111", 3)
        : new Bar("#d98200", "#111", 1, vm.Count.ToString(CultureInfo.InvariantCulture), "#111", BarHeight - 4);

    private static void Axis(StringBuilder page, ComparedRun run, int height)
    {
        int each = Math.Max(1, (int)Math.Ceiling(run.Steps.Length / 40.0));
        for (int step = 0; step < run.Steps.Length; step++)
        {
            page.Append(CultureInfo.InvariantCulture, $"<line x1=\"{X(run, step):f1}\" x2=\"{X(run, step):f1}\" y1=\"{AxisHeight}\" y2=\"{height - 4}\" stroke=\"#e4e4e4\"/>");
            if (step % each == 0)
            {
                page.Append(CultureInfo.InvariantCulture, $"<text x=\"{X(run, step + 0.5):f1}\" y=\"12\" font-size=\"9\" fill=\"#555\" text-anchor=\"middle\">{step + 1}</text>");
            }
        }
    }

    private static void Name(StringBuilder page, string name, int y) =>
        page.Append(CultureInfo.InvariantCulture, $"<text x=\"0\" y=\"{y + 17}\">{ComparePage.Text(name)}</text>");

    private static void Bars(StringBuilder page, ComparedRun run, int y, Func<HostPicture, Bar?> styleOf)
    {
        for (int from = 0; from < run.After.Length;)
        {
            Bar? bar = styleOf(run.After[from]);
            int to = from + 1;
            while (to < run.After.Length && styleOf(run.After[to]) == bar)
            {
                to++;
            }

            if (bar is not null)
            {
                One(page, bar, X(run, from), X(run, to), y);
            }

            from = to;
        }
    }

    private static void One(StringBuilder page, Bar bar, double left, double right, int y)
    {
        double top = y + ((LaneHeight - bar.Height) / 2.0);
        page.Append(CultureInfo.InvariantCulture, $"<rect x=\"{left:f1}\" y=\"{top:f1}\" width=\"{right - left:f1}\" height=\"{bar.Height}\" fill=\"{bar.Fill}\" stroke=\"{bar.Stroke}\" stroke-width=\"{bar.StrokeWidth}\"/>");
        if (bar.Letter.Length > 0)
        {
            double middle = (left + right) / 2;
            if (bar.LetterFill == "#111" && bar.Fill.StartsWith("url", StringComparison.Ordinal))
            {
                page.Append(CultureInfo.InvariantCulture, $"<rect x=\"{middle - 8:f1}\" y=\"{top + 1.5:f1}\" width=\"16\" height=\"{bar.Height - 3}\" fill=\"#fff\"/>");
            }

            page.Append(CultureInfo.InvariantCulture, $"<text x=\"{middle:f1}\" y=\"{y + 16.5}\" font-weight=\"700\" text-anchor=\"middle\" fill=\"{bar.LetterFill}\">{bar.Letter}</text>");
        }
    }

    private static double X(ComparedRun run, double step) => NameWidth + (WidthOfSteps * step / Math.Max(1, run.Steps.Length));
}
