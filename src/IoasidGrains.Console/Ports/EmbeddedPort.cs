// --on embedded: a silo in this process; what `run` does unless told otherwise.
using IoasidGrains.Grains;

namespace IoasidGrains.Console;

/// <summary>A silo of its own, which ends with the port.</summary>
internal sealed class EmbeddedPort : Port
{
    private readonly EmbeddedSilo _silo;

    private EmbeddedPort(EmbeddedSilo silo)
        : base(silo.Uapi, "run") => _silo = silo;

    public static async Task<Port> OpenAsync(bool apart, CancellationToken cancellation) =>
        new EmbeddedPort(await EmbeddedSilo.StartAsync(apart, cancellation));

    public override ValueTask DisposeAsync() => _silo.DisposeAsync();
}
