// Exit codes, help and the messages of mistakes.
using System.Net;
using System.Net.Sockets;

namespace IoasidGrains.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("run", 2, "Required argument 'FILE' missing")]
    [InlineData("rum", 2, "Did you mean 'run'?")]
    [InlineData("", 2, "Required command")]
    [InlineData("run x --onn machine", 2, "There is no option '--onn'. Did you mean '--on'?")]
    [InlineData("run x --on moon", 2, "'moon' not recognized")]
    [InlineData("run x --on cluster --gateway here", 2, "expected HOST:PORT")]
    [InlineData("run x --gateway :3", 2, "expected HOST:PORT")]
    [InlineData("run x --host a/b", 2, "'a/b' is no host name")]
    [InlineData("run x --policy seed-strct", 2, "did you mean 'seed-strict'?")]
    [InlineData("run x --policy seed-strict --rewrite", 2, "leave out --policy")]
    [InlineData("run no-such.flow --on machine", 2, "no-such.flow cannot be read")]
    [InlineData("sweep x --seeds 0", 2, "at least 1")]
    [InlineData("sweep x --seeds many", 2, "'many'")]
    [InlineData("sweep x --replay drop@3", 2, "cannot be replayed")]
    [InlineData("status --jsn", 2, "Did you mean '--json'?")]
    [InlineData("ioctls extra", 2, "'extra'")]
    public async Task Mistake_EndsWithTwoAndAHint_BeforeAnythingRuns(string line, int code, string message)
    {
        CommandRun run = await CommandRun.Of(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal((code, ""), (run.Code, run.Out));
        Assert.Contains(message, run.Error);
    }

    [Theory]
    [InlineData("--help", "ioasid sweep tests/flows/seed-mail.flow")]
    [InlineData("run --help", "ioasid run new.flow --rewrite")]
    [InlineData("shell --help", "| ioasid shell")]
    [InlineData("status --help", "ioasid status --on cluster")]
    [InlineData("ioctls --help", "ioasid ioctls --json")]
    [InlineData("sweep --help", "--replay fail_before@17")]
    public async Task Help_HasExamples(string line, string example)
    {
        CommandRun run = await CommandRun.Of(line.Split(' '));

        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("Examples:\n", run.Out);
        Assert.Contains(example, run.Out);
    }

    [Fact]
    public async Task Run_NobodyAtTheGateway_EndsWithTwo()
    {
        using var file = new FlowFile("vm v => 0\n");
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();

        CommandRun run = await CommandRun.Of(["run", file.Path, "--on", "cluster", "--gateway", $"127.0.0.1:{port}"]);

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.Contains("no cluster answers", run.Error);
    }
}
