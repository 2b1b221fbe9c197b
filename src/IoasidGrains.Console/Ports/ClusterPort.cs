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
    /// <summary>How long a gateway may take to answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly ClusterConnection _connection;

    private ClusterPort(ClusterConnection connection)
        : base(connection.Uapi, "run-" + Guid.NewGuid().ToString("n")[..12]) => _connection = connection;

    public static async Task<Port> OpenAsync(string gateway, CancellationToken cancellation)
    {
        (string host, int port) = PortOptions.Split(gateway)!.Value;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        try
        {
            IPAddress[] addresses = await Dns.GetHostAddressesAsync(host, patience.Token);
            var endpoint = new IPEndPoint(addresses[0], port);
            await RequireListener(endpoint, patience.Token);
            return new ClusterPort(await ClusterConnection.ConnectAsync(endpoint, cancellation: patience.Token));
        }
        catch (Exception exception) when (
            exception is SocketException or OrleansException || (exception is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new ConsoleException($"no cluster answers at the gateway {gateway}; see --gateway, and deploy/ for how to start one.");
        }
    }

    /// <summary>Fresh hosts are dropped from the cluster's log; one that the user named stays.</summary>
    public override ValueTask Forget(HostId host) =>
        host.Name.StartsWith(Session, StringComparison.Ordinal) ? _connection.Uapi.Forget(host) : ValueTask.CompletedTask;

    public override ValueTask DisposeAsync() => _connection.DisposeAsync();

    /// <summary>The client of Orleans tries a dead gateway for minutes; a plain connection says at once that nobody listens.</summary>
    private static async Task RequireListener(IPEndPoint gateway, CancellationToken cancellation)
    {
        using var socket = new Socket(gateway.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(gateway, cancellation);
    }
}
