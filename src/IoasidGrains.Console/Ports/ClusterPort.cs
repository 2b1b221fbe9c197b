// --on cluster: silos that others run, through the gateway of one of them.
using System.Net;
using System.Net.Sockets;
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Console;

/// <summary>A client connection. Its hosts have fresh names, so that two runs on one cluster do not meet.</summary>
internal sealed class ClusterPort : Port
{
    private readonly ClusterConnection _connection;

    private ClusterPort(ClusterConnection connection)
        : base(connection.Uapi, "run-" + Guid.NewGuid().ToString("n")[..12]) => _connection = connection;

    public static async Task<Port> OpenAsync(string gateway, CancellationToken cancellation)
    {
        (string host, int port) = PortOptions.Split(gateway)!.Value;
        try
        {
            IPAddress[] addresses = await Dns.GetHostAddressesAsync(host, cancellation);
            return new ClusterPort(await ClusterConnection.ConnectAsync(new IPEndPoint(addresses[0], port), cancellation: cancellation));
        }
        catch (Exception exception) when (exception is SocketException or OrleansException)
        {
            throw new ConsoleException($"no cluster answers at the gateway {gateway}; see --gateway, and deploy/ for how to start one.");
        }
    }

    /// <summary>Fresh hosts are dropped from the cluster's log; one that the user named stays.</summary>
    public override ValueTask Forget(HostId host) =>
        host.Name.StartsWith(Session, StringComparison.Ordinal) ? _connection.Uapi.Forget(host) : ValueTask.CompletedTask;

    public override ValueTask DisposeAsync() => _connection.DisposeAsync();
}
