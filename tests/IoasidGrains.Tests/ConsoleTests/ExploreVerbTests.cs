// ioasid explore: mistakes of its user, what it prints, and that its counterexamples are what `ioasid run` finds too.
using System.Text.Json;

namespace IoasidGrains.Tests;

public sealed class ExploreVerbTests : IDisposable
{
    private readonly string _directory = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public void Dispose()
    {
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    [Theory]
    [InlineData("--profile type2", "'type2' is no profile; expected seed-strict or rfc-v2")]
    [InlineData("--profile tpye1-reuse", "did you mean 'type1-reuse'?")]
    [InlineData("--depth 0", "--depth must be from 1 to 64.")]
    [InlineData("--memory much", "'much' is no size")]
    [InlineData("--topology T5", "'T5' is no file and no topology; expected a file or T1, T2, T3, T4.")]
    [InlineData("--topolgy T1", "Did you mean '--topology'?")]
    public async Task Mistake_EndsWithTwoAndAHint(string arguments, string message)
    {
        CommandRun run = await CommandRun.Of(["explore", .. arguments.Split(' ')]);

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.Contains(message, run.Error);
    }

    [Theory]
    [InlineData("iommu u1\ndevice A behind u2\n", ":2:17: found 'u2'")]
    [InlineData("iommu u1\n", "a topology has 1 to 5 devices, not 0")]
    [InlineData("iommu u1\niommu u1\ndevice A behind u1\n", "u1")]
    [InlineData("iommu u1\niommu u2\ndevice A behind u1 group g\ndevice B behind u2 group g\n", "group 'g' spans two IOMMU units")]
    [InlineData("iommu u1\ndevice fd1 behind u1\n", "'fd1' is the name of the fd or the VM")]
    [InlineData("iommu u1\ndevice A behind u1\nioasids many\n", ":3: expected 'ioasids' and how many")]
    [InlineData("iommu u1\ndevice A behind u1\nioasids 9\n", "a topology has 1 to 3 IOASIDs, not 9")]
    [InlineData("iommu u1\ndevice A behind u1\nopen fd2 /dev/ioasid\n", ":3: 'open fd2 /dev/ioasid': a topology has only lines of iommu, device, ioasids and vm.")]
    public async Task Topology_ThatContradictsItself_IsRefused(string text, string message)
    {
        using var file = new FlowFile(text);
        CommandRun run = await Explore("--topology", file.Path);

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.Contains(message, run.Error);
    }

    [Fact]
    public async Task Topology_OfAFile_IsSearched()
    {
        using var file = new FlowFile("# one device that cannot send no-snoop\niommu u2 width 39\nvm vm1\ndevice C behind u2 coherent_only id 8086:0300\nioasids 1\n");
        CommandRun run = await Explore("--topology", file.Path, "--profile", "seed-strict", "shared-sticky", "--depth", "4");

        Assert.Equal(1, run.Code);
        Assert.Contains("shared-sticky: broken to depth 4", run.Out);
        Assert.Contains("invariant 4   3 steps", run.Out);
        await AssertReproduced();
    }

    /// <summary>The damage is as told, by the assertions of the flow itself.</summary>
    [Fact]
    public async Task Counterexamples_OfAllProfiles_AreReproducedByRun()
    {
        CommandRun run = await Explore("--depth", "5");

        Assert.Equal(1, run.Code);
        Assert.True(Directory.GetFiles(_directory).Length >= 11, run.Out);
        await AssertReproduced();
    }

    [Fact]
    public async Task Hole_OfLinux67_EndsInAWrongByte()
    {
        await Explore("--profile", "iommufd-6.7", "--depth", "8");
        string[] flow = await File.ReadAllLinesAsync(Path.Combine(_directory, "iommufd-6.7-bytes.flow"));

        string[] steps = [.. flow.Where(line => line.StartsWith("# ", StringComparison.Ordinal) && char.IsAsciiDigit(line[2])).Select(line => line[5..])];
        Assert.Equal(
            ["plug A", "plug B", "attach B to 1", "attach A to 1", "unplug B", "the guest writes page 1", "the guest executes wbinvd", "A reads with no-snoop"], steps);
        Assert.Contains(flow, line => line.StartsWith("cpu vm1 wbinvd", StringComparison.Ordinal) && line.EndsWith("=> 0 ignored", StringComparison.Ordinal));
        Assert.Contains(flow, line => line.StartsWith("dma A read", StringComparison.Ordinal) && line.Contains("not_snooped data=00", StringComparison.Ordinal));
        await AssertReproduced();
    }

    [Fact]
    public async Task Json_HasOneLinePerProfile()
    {
        CommandRun run = await Explore("--profile", "type1", "type1-hostwide", "--depth", "3", "--json");

        JsonElement[] lines = [.. run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(["type1", "type1-hostwide"], lines.Select(line => line.GetProperty("profile").GetString()));
        Assert.Equal([true, false], lines.Select(line => line.GetProperty("holds").GetBoolean()));
        Assert.All(lines, line => Assert.Equal(
            ["profile", "depth", "states", "histories", "seconds", "holds", "broken"], line.EnumerateObject().Select(field => field.Name)));
        JsonElement broken = lines[1].GetProperty("broken")[0];
        Assert.Equal(("4", 2), (broken.GetProperty("invariant").GetString(), broken.GetProperty("steps").GetInt32()));
        Assert.True(File.Exists(broken.GetProperty("flow").GetString()));
    }

    [Fact]
    public async Task Profile_ThatHolds_EndsWithZeroAndWritesNothing()
    {
        CommandRun run = await Explore("--profile", "type1", "--depth", "4");

        Assert.Equal(0, run.Code);
        Assert.StartsWith("type1: holds to depth 4: ", run.Out);
        Assert.False(Directory.Exists(_directory));
    }

    [Fact]
    public async Task SomebodyElsesFile_IsNotOverwritten_OursIs()
    {
        Directory.CreateDirectory(_directory);
        string path = Path.Combine(_directory, "type1-hostwide-invariant-4.flow");
        await File.WriteAllTextAsync(path, "# mine\n");
        CommandRun refused = await Explore("--profile", "type1-hostwide", "--depth", "2");

        Assert.Equal((2, "# mine\n"), (refused.Code, await File.ReadAllTextAsync(path)));
        Assert.Contains("was not written by explore", refused.Error);

        File.Delete(path);
        await Explore("--profile", "type1-hostwide", "--depth", "2");
        Assert.Equal(1, (await Explore("--profile", "type1-hostwide", "--depth", "2")).Code);
    }

    [Fact]
    public async Task Bench_PrintsTheFigures()
    {
        CommandRun run = await Explore("--profile", "type1-hostwide", "type1", "--depth", "3", "--bench");

        string[] lines = run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("histories/min", lines[0]);
        Assert.Equal(["profile", "type1-hostwide", "type1", "all"], lines[..4].Select(line => line.Split(' ')[0]));
        Assert.Contains("largest size of the process", lines[4]);
    }

    private Task<CommandRun> Explore(params string[] arguments) => CommandRun.Of(["explore", "--out", _directory, .. arguments]);

    private async Task AssertReproduced()
    {
        foreach (string flow in Directory.GetFiles(_directory))
        {
            CommandRun run = await CommandRun.Of(["run", flow]);
            Assert.True(run.Code == 0, $"{flow}: {run.Out}{run.Error}");
        }
    }
}
