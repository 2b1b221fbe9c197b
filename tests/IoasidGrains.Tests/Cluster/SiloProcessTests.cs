// Silos as processes: one cluster out of two, its claims, its health, its end.
using System.Net;
using IoasidGrains.Contracts;

namespace IoasidGrains.Tests;

public sealed class SiloProcessTests
{
    private const int Rounds = 20;

    [Fact]
    public async Task Bind_OfOneDeviceThroughTwoSiloProcesses_SucceedsOnce()
    {
        string cluster = $"two-{Environment.ProcessId}";
        await using SiloProcess first = await SiloProcess.StartAsync(cluster);
        await using SiloProcess second = await SiloProcess.StartAsync(cluster, first.SiloPort);
        await using ClusterConnection left = await first.ConnectAsync(cluster);
        await using ClusterConnection right = await second.ConnectAsync(cluster);
        var host = new HostId("two");
        var one = new ClusterClient(left.Uapi, host, "left");
        var other = new ClusterClient(right.Uapi, host, "right");
        Assert.True((await one.DeclareUnit("vtd0", true)).Succeeded);
        Assert.True((await one.Open("fd1")).Succeeded);
        Assert.True((await other.Open("fd2")).Succeeded);
        for (int round = 0; round < Rounds; round++)
        {
            string device = $"dev{round}";
            Assert.True((await one.DeclareDevice(device, "vtd0", device)).Succeeded);

            Reply[] replies = await Task.WhenAll(one.Bind(device, "fd1").AsTask(), other.Bind(device, "fd2").AsTask());

            Assert.Equal(["-EBUSY", "0"], replies.Select(reply => reply.ToString()).Order(StringComparer.Ordinal));
        }

        // The inventory is the cluster's, not a process's.
        Assert.Equal(await left.Uapi.Inventory(host), await right.Uapi.Inventory(host));
    }

    [Fact]
    public async Task Silo_ThatJoined_IsReadyAndEndsWithZeroWhenTerminated()
    {
        await using SiloProcess silo = await SiloProcess.StartAsync($"one-{Environment.ProcessId}");
        using var http = new HttpClient { BaseAddress = silo.Health };
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("health/live")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("health/ready")).StatusCode);

        (int code, string output) = await SiloProcess.RunAsync("--silo-port", $"{silo.SiloPort}", "--gateway-port", $"{silo.GatewayPort}");
        Assert.Equal(1, code);
        Assert.Contains($"in use already: 127.0.0.1:{silo.SiloPort}, 127.0.0.1:{silo.GatewayPort}", output);

        Assert.Equal(0, await silo.TerminateAsync());
    }

    [Theory]
    [InlineData("--silo-port", "99999", "SiloPort is \"99999\"; expected a port, 1 to 65535.")]
    [InlineData("--gateway-port", "11111", "SiloPort and GatewayPort are both 11111; they must differ.")]
    [InlineData("--primary", "first", "Primary is \"first\"; expected empty or ADDRESS:PORT.")]
    [InlineData("--health-url", "ftp://x", "HealthUrl is \"ftp://x\"; expected an http URL with a port, as in http://127.0.0.1:8080.")]
    [InlineData("--move-devices", "maybe", "MoveDevices is \"maybe\"; expected true or false.")]
    public async Task Silo_WithAWrongSetting_SaysWhichAndEndsWithTwo(string name, string value, string sentence)
    {
        (int code, string output) = await SiloProcess.RunAsync(name, value);
        Assert.Equal(2, code);
        Assert.Contains(sentence, output);
    }
}
