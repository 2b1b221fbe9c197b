// Silos in this process, as the Silo hosts them: development clustering over loopback, production's directory.
using System.Net;
using System.Net.Sockets;
using IoasidGrains.Contracts;
using IoasidGrains.Grains;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;

namespace IoasidGrains.Benchmarks;

/// <summary>One cluster. The caller is the client inside the first silo, so a call to a grain of that silo leaves no process and no socket.</summary>
internal sealed class BenchSilos : IAsyncDisposable
{
    private readonly List<IHost> _hosts = [];

    public IGrainFactory Grains => _hosts[0].Services.GetRequiredService<IGrainFactory>();

    public static async Task<BenchSilos> StartAsync(int silos, bool countMessages = false)
    {
        var cluster = new BenchSilos();
        int[] ports = FreePorts(silos);
        var primary = new IPEndPoint(IPAddress.Loopback, ports[0]);
        foreach (int port in ports)
        {
            HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
            builder.UseOrleans(silo =>
            {
                silo.UseLocalhostClustering(port, primarySiloEndpoint: primary)
                    .Configure<EndpointOptions>(options => options.GatewayPort = 0)
                    .AddIoasidGrains();
                if (countMessages)
                {
                    silo.AddOutgoingGrainCallFilter<MessageCount>();
                }
            });
            IHost host = builder.Build();
            cluster._hosts.Add(host);
            await host.StartAsync();
        }

        return cluster;
    }

    public ClusterUapi NewUapi() => new(Grains);

    public async ValueTask DisposeAsync()
    {
        foreach (IHost host in Enumerable.Reverse(_hosts))
        {
            await host.StopAsync();
            host.Dispose();
        }
    }

    private static int[] FreePorts(int count)
    {
        TcpListener[] listeners = [.. Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0))];
        Array.ForEach(listeners, listener => listener.Start());
        int[] ports = [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        Array.ForEach(listeners, listener => listener.Dispose());
        return ports;
    }
}
