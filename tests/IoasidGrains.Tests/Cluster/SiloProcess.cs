// A silo as a process of its own, started from the Silo that was built beside the tests.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using IoasidGrains.Contracts;

namespace IoasidGrains.Tests;

/// <summary>Ready when it was returned; killed when it is disposed of.</summary>
public sealed class SiloProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> _lines = [];

    private SiloProcess(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "IoasidGrains.Silo.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, e) => Note(e.Data);
        _process.ErrorDataReceived += (_, e) => Note(e.Data);
        _process.Exited += (_, _) => _ready.TrySetException(new InvalidOperationException("The silo ended: " + Output));
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int SiloPort { get; private init; }

    public int GatewayPort { get; private init; }

    public Uri Health { get; private init; } = new("http://127.0.0.1");

    /// <summary>What it has written so far.</summary>
    public string Output
    {
        get
        {
            lock (_lines)
            {
                return string.Join('\n', _lines);
            }
        }
    }

    /// <summary>Starts a silo on free ports and waits until it says that it has joined.</summary>
    /// <param name="clusterId">Its cluster.</param>
    /// <param name="primary">The silo port of the first one; null if this is it.</param>
    public static async Task<SiloProcess> StartAsync(string clusterId, int? primary = null)
    {
        int[] ports = FreePorts(3);
        var health = new Uri($"http://127.0.0.1:{ports[2]}");
        var silo = new SiloProcess(
            "--cluster-id", clusterId, "--silo-port", $"{ports[0]}", "--gateway-port", $"{ports[1]}",
            "--primary", primary is null ? "" : $"127.0.0.1:{primary}", "--health-url", $"{health}")
        {
            SiloPort = ports[0], GatewayPort = ports[1], Health = health,
        };
        try
        {
            await silo._ready.Task.WaitAsync(StartDeadline);
            return silo;
        }
        catch
        {
            await silo.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs one that should end by itself; returns its exit code and output.</summary>
    public static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        await using var silo = new SiloProcess(arguments);
        await silo._process.WaitForExitAsync().WaitAsync(StartDeadline);
        return (silo._process.ExitCode, silo.Output);
    }

    /// <summary>Asks it to stop, as an operator does, and returns its exit code.</summary>
    public async Task<int> TerminateAsync()
    {
        using Process kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        await _process.WaitForExitAsync().WaitAsync(StartDeadline);
        return _process.ExitCode;
    }

    public Task<ClusterConnection> ConnectAsync(string clusterId) =>
        ClusterConnection.ConnectAsync(new IPEndPoint(IPAddress.Loopback, GatewayPort), clusterId, deadline: StartDeadline);

    public async ValueTask DisposeAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        _ = _ready.Task.Exception;
    }

    private void Note(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_lines)
        {
            _lines.Add(line);
        }

        if (line.Contains("is ready"))
        {
            _ready.TrySetResult();
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
