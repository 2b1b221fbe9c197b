// A silo inside this process: where the console runs a flow unless told otherwise.
using System.Net;
using System.Net.Sockets;
using IoasidGrains.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;

namespace IoasidGrains.Grains;

/// <summary>One silo that is a cluster of its own, on a free loopback port, without a gateway, logging nothing. Everything in it ends with it.</summary>
public sealed class EmbeddedSilo : IAsyncDisposable
{
    private readonly IHost _host;

    private EmbeddedSilo(IHost host)
    {
        _host = host;
        Grains = host.Services.GetRequiredService<IGrainFactory>();
        Uapi = new ClusterUapi(Grains);
    }

    public IGrainFactory Grains { get; }

    public ClusterUapi Uapi { get; }

    /// <param name="apart">See <see cref="DmaOptions.Apart"/>.</param>
    public static async Task<EmbeddedSilo> StartAsync(bool apart = false, CancellationToken cancellation = default)
    {
        var endpoint = new IPEndPoint(IPAddress.Loopback, FreePort());
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.UseOrleans(silo => silo
            .UseLocalhostClustering(endpoint.Port, primarySiloEndpoint: endpoint)
            .Configure<EndpointOptions>(options => options.GatewayPort = 0)
            .Configure<DmaOptions>(options => options.Apart = apart)
            .AddIoasidGrains());
        IHost host = builder.Build();
        await host.StartAsync(cancellation);
        return new EmbeddedSilo(host);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        if (_host is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync();
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
