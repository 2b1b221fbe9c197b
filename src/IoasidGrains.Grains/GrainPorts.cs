// What all mailboxes of a silo share; one instance per silo.
using System.Diagnostics;
using IoasidGrains.Contracts;
using IoasidGrains.Core;
using IoasidGrains.Uapi;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>The ways out of a mailbox: to its log, to other grains, to what the silo's objects show each other, and to the silo that hosts it.</summary>
public sealed class GrainPorts
{
    public GrainPorts(ICommitLog log, IGrainFactory grains, IGrainRuntime runtime, ILocalSiloDetails silo, IOptions<DmaOptions> dma, ILoggerFactory logs)
    {
        (Log, Door, Runtime, Silo, Dma) = (log, new GrainDoor(grains), runtime, silo.SiloAddress, dma.Value);
        var threads = new DmaThreads(Door.Send, logs.CreateLogger<DmaThreads>(), Environment.ProcessorCount);
        Views = new LocalViews(Nanoseconds, dma.Value.TableLimit, threads.Start, dma.Value.Apart, Random.Shared.NextInt64());

        // What a silo that has just started shows is too new for anybody to have taken it over for longer than that.
        Views.Renew(Views.Now + FetchTranslations.Lease);
    }

    internal ICommitLog Log { get; }

    internal GrainDoor Door { get; }

    internal IGrainRuntime Runtime { get; }

    internal SiloAddress Silo { get; }

    internal DmaOptions Dma { get; }

    internal LocalViews Views { get; }

    /// <summary>Of a clock that never falls: <see cref="LocalViews.Now"/> on a silo.</summary>
    private static long Nanoseconds() => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
}
