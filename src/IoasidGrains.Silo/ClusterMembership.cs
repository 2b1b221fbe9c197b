// The readiness check: is this silo an active member of its cluster?
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Orleans.Runtime;

namespace IoasidGrains.Silo;

/// <summary>Healthy from joining until leaving.</summary>
internal sealed class ClusterMembership(ISiloStatusOracle oracle) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellation = default)
    {
        SiloStatus status = oracle.CurrentStatus;
        return Task.FromResult(status == SiloStatus.Active ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy($"The silo is {status}."));
    }
}
