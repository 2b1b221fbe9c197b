// A client's connection to a cluster of silo processes; used by the console and by tests.
using System.Net;
using IoasidGrains.Uapi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;

namespace IoasidGrains.Contracts;

/// <summary>Connects to the gateway of one silo; closing it closes nothing in the cluster.</summary>
public sealed class ClusterConnection : IAsyncDisposable
{
    /// <summary>What a silo calls its cluster and its service unless configured otherwise.</summary>
    public const string DefaultName = "ioasid";

    /// <summary>A call whose answer takes longer is lost and repeated (reliability: the profile that finds a dead silo in 3 seconds).</summary>
    public static readonly TimeSpan ResponseTimeout = TimeSpan.FromSeconds(2);

    private readonly IHost _host;

    private ClusterConnection(IHost host, TimeSpan? deadline)
    {
        _host = host;
        Grains = host.Services.GetRequiredService<IClusterClient>();
        Uapi = new ClusterUapi(Grains, deadline);
    }

    public IGrainFactory Grains { get; }

    public ClusterUapi Uapi { get; }

    /// <summary>Connects, or throws <see cref="OrleansException"/> if nobody answers at the gateway.</summary>
    /// <param name="gateway">Address and gateway port of a silo.</param>
    /// <param name="deadline">See <see cref="ClusterUapi"/>.</param>
    public static async Task<ClusterConnection> ConnectAsync(
        IPEndPoint gateway, string clusterId = DefaultName, string serviceId = DefaultName, TimeSpan? deadline = null,
        CancellationToken cancellation = default)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.UseOrleansClient(client => client
            .UseStaticClustering(gateway)
            .Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (clusterId, serviceId))
            .Configure<ClientMessagingOptions>(options => options.ResponseTimeout = ResponseTimeout));
        IHost host = builder.Build();
        try
        {
            await host.StartAsync(cancellation);
        }
        catch
        {
            host.Dispose();
            throw;
        }

        return new ClusterConnection(host, deadline);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        if (_host is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync();
        }
    }
}
