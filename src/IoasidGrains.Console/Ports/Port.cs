// Where flows run: one open port of one of the three kinds. Used by the verbs.
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>An open port and the names that its runs should have.</summary>
/// <param name="uapi">What the flows talk to.</param>
/// <param name="run">Names this use of the port: prefix of its hosts, and of its request ids.</param>
internal abstract class Port(IUapi uapi, string run) : IAsyncDisposable
{
    public IUapi Uapi { get; } = uapi;

    /// <summary>Prefix of request ids; no other use of the same hosts has it.</summary>
    public string Session => run;

    /// <summary>The host of the n-th file (from 1) of this use.</summary>
    public HostId HostOf(PortChoice choice, int file) =>
        new(choice.Host is null ? $"{run}-{file}" : file == 1 ? choice.Host : $"{choice.Host}-{file}");

    /// <summary>A host of this use is closed and is not used again.</summary>
    public virtual ValueTask Forget(HostId host) => ValueTask.CompletedTask;

    public abstract ValueTask DisposeAsync();
}

/// <summary>Opens ports. Each kind has a class of its own, so that a run on the Machine loads nothing of Orleans.</summary>
internal static class Ports
{
    public static Task<Port> OpenAsync(PortChoice choice, CancellationToken cancellation) => choice.On switch
    {
        PortOptions.Machine => Task.FromResult<Port>(new MachinePort(choice.Apart)),
        PortOptions.Cluster when choice.Apart => throw new ConsoleException("--apart is not for --on cluster; there the silos' setting MoveDevices keeps devices where they are."),
        PortOptions.Cluster => ClusterPort.OpenAsync(choice.Gateway, cancellation),
        _ => EmbeddedPort.OpenAsync(choice.Apart, cancellation),
    };
}
