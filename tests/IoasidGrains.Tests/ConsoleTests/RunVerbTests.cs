// ioasid run, status, ioctls and sweep, on the Machine unless the rule is about another runner.
using System.Text.Json;

namespace IoasidGrains.Tests;

public sealed class RunVerbTests
{
    private const string Matching = """
        iommu vtd0 enforce_snoop                   => 0
        device dev1 behind vtd0                    => 0
        open fd1 /dev/ioasid                       => 0
        ioctl dev1 VFIO_BIND_IOASID_FD fd1         => 0
        gpa = ioctl fd1 IOASID_ALLOC snoop         => 1
        ioctl dev1 VFIO_ATTACH_IOASID gpa snoop    => 0
        ioctl dev1 VFIO_ATTACH_IOASID gpa no_snoop => -EBUSY

        """;

    private const string Differing = "open fd1 /dev/ioasid => 0\nioctl fd1 IOASID_FREE 3 => 0\n";

    [Fact]
    public async Task Run_AllMatch_EndsWithZero()
    {
        using var file = new FlowFile(Matching);

        CommandRun run = await CommandRun.Of(["run", file.Path, "--on", "machine"]);

        Assert.Equal((0, Matching + $"{file.Path}: 7 steps, 7 match, 0 differ\n"), (run.Code, run.Out));
        Assert.Contains(file.Path + ": ", run.Error);
    }

    [Fact]
    public async Task Run_OneDiffers_EndsWithOneAndADiff()
    {
        using var file = new FlowFile(Differing);

        CommandRun run = await CommandRun.Of(["run", file.Path, "--on", "machine"]);

        Assert.Equal(1, run.Code);
        Assert.Contains("ioctl fd1 IOASID_FREE 3 => -ENOENT\n  - => 0\n  + => -ENOENT\n", run.Out);
    }

    [Fact]
    public async Task Run_OneFileBroken_RunsNone()
    {
        using var good = new FlowFile(Matching);
        using var broken = new FlowFile("iommmu vtd0\nioctl fd9 IOASID_ALLOC snoop\n");

        CommandRun run = await CommandRun.Of(["run", good.Path, broken.Path, "--on", "machine"]);

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.Contains($"{broken.Path}:1:1: found 'iommmu'", run.Error);
        Assert.Contains($"{broken.Path}:2:7: found 'fd9'", run.Error);
    }

    [Fact]
    public async Task Run_SeveralFiles_EachHasAHostOfItsOwn()
    {
        using var file = new FlowFile(Matching);

        CommandRun run = await CommandRun.Of(["run", file.Path, file.Path, "--on", "machine", "--host", "lab"]);

        Assert.Equal(0, run.Code);
    }

    [Fact]
    public async Task Run_OnMachineAndOnEmbeddedSilo_PrintTheSameBytes()
    {
        using var matching = new FlowFile(Matching + "status\n");
        using var differing = new FlowFile(Differing);

        CommandRun machine = await CommandRun.Of(["run", matching.Path, differing.Path, "--on", "machine"]);
        CommandRun embedded = await CommandRun.Of(["run", matching.Path, differing.Path]);

        Assert.Equal((machine.Code, machine.Out), (embedded.Code, embedded.Out));
    }

    [Fact]
    public async Task Run_Json_IsOneObjectPerStepAndASum()
    {
        using var file = new FlowFile(Differing);

        CommandRun run = await CommandRun.Of(["run", file.Path, "--on", "machine", "--json"]);
        JsonElement[] lines = [.. run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

        Assert.Equal(1, run.Code);
        Assert.Equal([true, false], lines[..2].Select(line => line.GetProperty("match").GetBoolean()));
        Assert.Equal("ENOENT", lines[1].GetProperty("errno").GetString());
        Assert.Equal((2, 1), (lines[2].GetProperty("steps").GetInt32(), lines[2].GetProperty("differed").GetInt32()));
    }

    [Fact]
    public async Task Run_JsonOfABrokenFile_NamesTheErrors()
    {
        using var file = new FlowFile("iommmu vtd0\n");

        CommandRun run = await CommandRun.Of(["run", file.Path, "--on", "machine", "--json"]);
        JsonElement error = JsonDocument.Parse(run.Out).RootElement;

        Assert.Equal((2, 1, 1), (run.Code, error.GetProperty("line").GetInt32(), error.GetProperty("column").GetInt32()));
    }

    [Fact]
    public async Task Rewrite_RecordsWhatHappened_AndThenAllMatches()
    {
        using var file = new FlowFile(Differing);

        CommandRun rewrite = await CommandRun.Of(["run", file.Path, "--on", "machine", "--rewrite"]);
        string once = file.Text;
        CommandRun again = await CommandRun.Of(["run", file.Path, "--on", "machine", "--rewrite"]);

        Assert.Equal((0, 0), (rewrite.Code, again.Code));
        Assert.Equal("open fd1 /dev/ioasid    => 0\nioctl fd1 IOASID_FREE 3 => -ENOENT\n", once);
        Assert.Equal(once, file.Text);
        Assert.EndsWith("2 match, 0 differ\n", again.Out);
    }

    [Fact]
    public async Task Policy_ReplacesTheProfileOfEveryOpen()
    {
        using var file = new FlowFile("open fd1 /dev/ioasid no-such-profile => 0\n");

        CommandRun without = await CommandRun.Of(["run", file.Path, "--on", "machine"]);
        CommandRun with = await CommandRun.Of(["run", file.Path, "--on", "machine", "--policy", "seed-strict"]);

        Assert.Equal((1, 0), (without.Code, with.Code));
        Assert.StartsWith("open fd1 /dev/ioasid seed-strict", with.Out);
    }

    [Fact]
    public async Task Status_OfAFile_HasALinePerObject()
    {
        using var file = new FlowFile(Matching);

        CommandRun text = await CommandRun.Of(["status", file.Path, "--on", "machine"]);
        CommandRun json = await CommandRun.Of(["status", file.Path, "--on", "machine", "--json"]);
        string[] kinds = [.. text.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0])];

        Assert.Equal((0, 0), (text.Code, json.Code));
        Assert.Equal(["KIND", "ioasid_fd", "ioasid", "iommu", "device", "page_table"], kinds);
        Assert.Equal(kinds[1..], json.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("kind").GetString()));
    }

    [Fact]
    public async Task Ioctls_HasALinePerRow()
    {
        CommandRun text = await CommandRun.Of(["ioctls"]);
        CommandRun json = await CommandRun.Of(["ioctls", "--json"]);

        Assert.All(IoctlTable.Rows, row => Assert.Contains($"  {row.Usage} ", text.Out));
        Assert.All(LinuxIoctlTable.Rows, row => Assert.Contains($"  {row.Name} ", text.Out));
        Assert.Equal(IoctlTable.Rows.Select(row => row.Name.ToString()).Concat(LinuxIoctlTable.Rows.Select(row => row.Name)),
            json.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("name").GetString()));
    }

    [Fact]
    public async Task Sweep_SoundFlow_CountsSchedulesAndCalls()
    {
        using var file = new FlowFile(Matching);

        CommandRun run = await CommandRun.Of(["sweep", file.Path, "--seeds", "50"]);
        CommandRun again = await CommandRun.Of(["sweep", file.Path, "--seeds", "50"]);
        CommandRun replay = await CommandRun.Of(["sweep", file.Path, "--replay", "lose_reply@2"]);

        Assert.Equal((0, 0), (run.Code, replay.Code));
        Assert.Contains("interleavings: 50 seeds, ", run.Out);
        Assert.Contains("fail_before and fail_after: each of ", run.Out);
        Assert.Contains("lose_reply: each of ", run.Out);
        Assert.Equal(run.Out, again.Out);
    }
}
