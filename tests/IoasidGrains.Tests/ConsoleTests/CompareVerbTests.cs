// ioasid compare and ioasid policies: what they print, as text, as JSON and as a page, and mistakes of their user.
using System.Text.Json;
using System.Xml.Linq;
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class CompareVerbTests
{
    private static readonly string TwoHistories = Path.Combine(TestFlows.Folder(), "two-histories.flow");

    /// <summary>Who ends alike (VM1 and VM2, in either order), who pays, and whose bytes are wrong (domain 4.0).</summary>
    [Theory]
    [InlineData("seed-strict", "P  E   P   -  -   1 emulated  0 nop       1 emulated     6      0")]
    [InlineData("shared-sticky", "P  E   P   -  -   1 emulated  0 nop       1 emulated     0      0")]
    [InlineData("shared-reformat", "E  E   E   -  -   0 nop       0 nop       0 nop          0      0")]
    [InlineData("type1", "E  E   E   -  -   0 nop       0 nop       0 nop          0      0")]
    [InlineData("type1-hostwide", "P  P   P   -  -   1 emulated  1 emulated  1 emulated     0      0")]
    [InlineData("type1-reuse", "E  E   P   -  -   0 nop       0 nop       1 emulated     0      0")]
    [InlineData("iommufd-6.2", "E  E   E   -  -   0 nop       0 nop       0 nop          0      0")]
    [InlineData("iommufd-6.7", "E  E   P   -  -   0 nop       0 nop       0 nop          6      2")]
    [InlineData("history-free", "E  E   E   -  -   0 nop       0 nop       0 nop          0      0")]
    public async Task Table_HasARowPerPolicy(string policy, string row)
    {
        CommandRun run = await CommandRun.Of(["compare", TwoHistories]);

        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains($"\n{policy.PadRight(17)}{row}", "\n" + run.Out);
    }

    [Fact]
    public async Task Steps_ThatAnswerAnotherErrno_AreListedWithWhoAnswersWhat()
    {
        CommandRun run = await CommandRun.Of(["compare", Path.Combine(TestFlows.Folder(), "seed-mail.flow"), "--policies", "seed-strict,type1,history-free"]);

        Assert.Equal(0, run.Code);
        Assert.Contains("ioctl dev2 VFIO_ATTACH_IOASID gpa snoop\n    -EINVAL  seed-strict\n    0        all others\n", run.Out);
    }

    [Fact]
    public async Task Json_HasALinePerPolicy_AndOneThatSaysWhereTheyPart()
    {
        CommandRun run = await CommandRun.Of(["compare", TwoHistories, "--json"]);
        JsonElement[] lines = [.. run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

        Assert.Equal(Profiles.All.Select(profile => profile.Name), lines[..^1].Select(line => line.GetProperty("policy").GetString()));
        JsonElement hole = lines.Single(line => line.TryGetProperty("policy", out JsonElement name) && name.GetString() == "iommufd-6.7");
        Assert.Equal(2, hole.GetProperty("costs").GetProperty("corrupted_bytes").GetInt64());
        Assert.Equal("plain", hole.GetProperty("devices").GetProperty("A3").GetString());
        Assert.Equal("nop", hole.GetProperty("vms").GetProperty("vm3").GetProperty("wbinvd").GetString());
        Assert.Equal(13, lines[^1].GetProperty("policies").GetInt32());
    }

    [Fact]
    public async Task Page_IsOneFile_WithATimelinePerPolicy()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".html");
        try
        {
            CommandRun run = await CommandRun.Of(["compare", TwoHistories, "--html", path]);
            string page = await File.ReadAllTextAsync(path);

            Assert.Equal(0, run.Code);
            Assert.DoesNotContain("http", page.Replace("http-equiv", ""));
            Assert.DoesNotContain("<script", page);
            XElement[] drawings = [.. page.Split("<svg").Skip(1).Select(part => XElement.Parse("<svg" + part[..(part.IndexOf("</svg>", StringComparison.Ordinal) + 6)]))];
            Assert.Equal(1 + Profiles.All.Count, drawings.Length);
            Assert.Contains("P!", drawings[1].Value);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("--policies type2", "'type2' is no policy")]
    [InlineData("--policies type1,history-fre", "did you mean 'history-free'?")]
    [InlineData("other.flow", "compare takes one history; 2 files were given.")]
    [InlineData("--polices all", "Did you mean '--policies'?")]
    public async Task Mistake_EndsWithTwoAndAHint(string arguments, string message)
    {
        CommandRun run = await CommandRun.Of(["compare", TwoHistories, .. arguments.Split(' ')]);

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.Contains(message, run.Error);
    }

    [Fact]
    public async Task Policies_ListsEveryProfile_AsTextAndAsJson()
    {
        CommandRun text = await CommandRun.Of(["policies"]);
        CommandRun json = await CommandRun.Of(["policies", "--json"]);

        Assert.All(Profiles.All, profile => Assert.Contains($"\n{profile.Name} ", "\n" + text.Out));
        Assert.All(Profiles.KvmSides, side => Assert.Contains($"\n{side.Name} ", text.Out));
        Assert.Equal(Profiles.All.Select(profile => (profile.Name, profile.Whose, profile.Since)), json.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)
            .Select(line => (line.GetProperty("policy").GetString()!, line.GetProperty("whose").GetString()!, line.GetProperty("since").GetString()!)));
    }
}
