// ioasid dma: mistakes of its user, and runs of it on the Machine.
using System.Text.Json;

namespace IoasidGrains.Tests;

public sealed class DmaVerbTests
{
    [Theory]
    [InlineData("dma", "Required argument 'WORKLOAD' missing")]
    [InlineData("dma nvm", "'nvm' is no workload and no file; expected nic, nvme, virtio, random, or a trace file. Did you mean 'nvme'?")]
    [InlineData("dma no-such.trace", "'no-such.trace' is no workload and no file")]
    [InlineData("dma nic --pags 4K", "Did you mean '--pages'?")]
    [InlineData("dma nic --pages 8K", "'8K' is no page size; expected 4K, 2M or 1G")]
    [InlineData("dma nic --size big", "'big' is no size; expected whole pages, 2M to 64TiB")]
    [InlineData("dma nic --size 1M", "'1M' is no size")]
    [InlineData("dma nic --size 65T", "'65T' is no size")]
    [InlineData("dma nic --size 2097153", "--size must be whole pages of --pages")]
    [InlineData("dma nic --size 3M --pages 2M", "whole pages of --pages")]
    [InlineData("dma virtio --size 3M", "whole pages of --pages")]
    [InlineData("dma nic --devices 0", "'0' cannot be it; expected 1 to 64")]
    [InlineData("dma nic --devices many", "'many' cannot be it")]
    [InlineData("dma nic --accesses 0", "'0' cannot be it; expected 1 or more")]
    [InlineData("dma nic --seconds 0", "'0' cannot be it; expected a number from 0.001 on")]
    [InlineData("dma nic --seconds -1", "'-1' cannot be it")]
    [InlineData("dma nic --accesses 5 --seconds 1", "leave one of them out")]
    [InlineData("dma nic --depth 4097", "'4097' cannot be it; expected 0 to 4096")]
    [InlineData("dma nic --seed x", "'x'")]
    [InlineData("dma nic --churn often", "'often' cannot be it")]
    [InlineData("dma trace", "needs --trace FILE")]
    [InlineData("dma nic --trace x.trace", "--trace belongs to the workload 'trace'")]
    [InlineData("dma trace --trace no-such.trace", "no-such.trace cannot be read")]
    [InlineData("dma trace --trace x --size 4M", "a trace says itself which addresses it needs")]
    [InlineData("dma trace --trace x --churn 0", "a trace would not go where pages are churned")]
    [InlineData("dma nic --apart --on cluster", "--apart is not for --on cluster; there the silos' setting MoveDevices")]
    [InlineData("dma nic --on moon", "'moon' not recognized")]
    public async Task Mistake_EndsWithTwoAndAHint_BeforeAnythingRuns(string line, string message)
    {
        CommandRun run = await CommandRun.Of(line.Split(' '));

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.Contains(message, run.Error);
    }

    [Fact]
    public async Task Help_HasExamples()
    {
        CommandRun run = await CommandRun.Of(["dma", "--help"]);

        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("ioasid dma random --churn 0", run.Out);
    }

    [Fact]
    public async Task BrokenTrace_EndsWithTwoAndItsErrors()
    {
        using var file = new FlowFile("read 0x1000 64\nrite 0x1000 64\n");

        CommandRun run = await CommandRun.Of(["dma", file.Path, "--on", "machine"]);

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.Contains($"{file.Path}:2:1: found 'rite', expected read or write; did you mean 'write'?", run.Error);
    }

    [Fact]
    public async Task TraceThatNoTableCanMap_EndsWithTwo()
    {
        using var file = new FlowFile("read 0x1000 64\nread 0x200000000000000 64\n");

        CommandRun run = await CommandRun.Of(["dma", file.Path, "--on", "machine"]);

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.Contains("past the 57 bits of the widest page table", run.Error);
    }

    [Theory]
    [InlineData("nic --pages 4K")]
    [InlineData("nvme --pages 2M --depth 7")]
    [InlineData("virtio --pages 1G --size 4GiB")]
    [InlineData("random --seed 9")]
    public async Task Run_OnMachine_CountsEveryDevice(string words)
    {
        CommandRun run = await CommandRun.Of(["dma", .. words.Split(' '), "--accesses", "20000", "--devices", "3", "--on", "machine", "--json"]);
        JsonElement[] lines = [.. run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

        Assert.Equal((0, 4), (run.Code, lines.Length));
        foreach (JsonElement device in lines[..3])
        {
            Assert.Equal(("completed", 0), (device.GetProperty("state").GetString(), device.GetProperty("faults").GetArrayLength()));
            Assert.InRange(device.GetProperty("accesses").GetInt64(), 20000, 20511);
        }

        Assert.True(lines[3].GetProperty("sound").GetBoolean());
    }

    [Fact]
    public async Task Run_OnMachineAndOnEmbeddedSilo_MakesTheSameAccesses()
    {
        string[] words = ["dma", "nvme", "--accesses", "50000", "--json"];

        CommandRun machine = await CommandRun.Of([.. words, "--on", "machine"]);
        CommandRun embedded = await CommandRun.Of(words);

        Assert.Equal((0, 0), (machine.Code, embedded.Code));
        Assert.Equal(machine.Out.Split('\n')[..2].Select(Sums), embedded.Out.Split('\n')[..2].Select(Sums));
    }

    [Theory]
    [InlineData("machine", "")]
    [InlineData("embedded", "")]
    [InlineData("machine", "--churn 0")]
    [InlineData("embedded", "--churn 0")]
    public async Task Apart_DevicesUseTheirCaches(string where, string churn)
    {
        string[] words = ["dma", "nvme", "--apart", "--size", "64MiB", "--accesses", "50000", "--on", where, "--json", .. churn.Split(' ', StringSplitOptions.RemoveEmptyEntries)];

        CommandRun run = await CommandRun.Of(words);

        Assert.Equal(0, run.Code);
        Assert.Equal(2, run.Out.Split('\n').Count(line => line.Contains("\"path\":\"cache\"") && line.Contains("\"freed\":0")));
    }

    [Fact]
    public async Task Trace_OnMachine_IsMappedWhereItGoes()
    {
        using var file = new FlowFile("read 0x1000 64\nwrite 0x7fffffff000 65536\nread 0x1ffffffffffffc0 64\n");

        CommandRun run = await CommandRun.Of(["dma", file.Path, "--accesses", "301", "--devices", "1", "--on", "machine", "--json"]);

        Assert.Equal(0, run.Code);
        Assert.Contains("\"state\":\"completed\",\"accesses\":301,", run.Out);
    }

    [Fact]
    public async Task Trace_IntoTheInterruptWindow_IsNotMappedAndFaults()
    {
        using var file = new FlowFile("read 0xfedff000 64\nwrite 0xfee00000 64\nread 0xfef00000 64\n");

        CommandRun run = await CommandRun.Of(["dma", file.Path, "--accesses", "3", "--devices", "1", "--on", "machine"]);

        Assert.Equal(1, run.Code);
        Assert.Contains("dev1: 1 faults no_write (reason 0x5), the first at 0xfee00000", run.Out);
    }

    [Fact]
    public async Task Churn_OnMachine_SeesNoStaleTranslation()
    {
        CommandRun run = await CommandRun.Of(["dma", "nic", "--churn", "0", "--accesses", "2000000", "--devices", "1", "--on", "machine"]);

        Assert.Equal(0, run.Code);
        Assert.Contains("no stale translation was seen\n", run.Out);
        Assert.Contains("faults in pages that were unmapped by the churn, as they should\n", run.Out);
    }

    private static string Sums(string device)
    {
        JsonElement read = JsonDocument.Parse(device).RootElement;
        return string.Join(' ', new[] { "device", "state", "accesses", "translations", "bytes", "freed" }.Select(field => read.GetProperty(field)));
    }
}
