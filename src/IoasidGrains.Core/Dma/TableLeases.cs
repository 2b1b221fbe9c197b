// Until when devices may use what a page table gave them; each PageTable has one.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// A device asks with the number of its incarnation. If a later incarnation asks too, the earlier one is lost, and may go on somewhere until its
/// lease is over (design, idea 8; reliability 3.4).
/// </summary>
public sealed class TableLeases(LocalViews views)
{
    private readonly Dictionary<DeviceId, Lease> _leases = [];

    /// <param name="Lost">When the last lease of any other incarnation ends.</param>
    private readonly record struct Lease(long Incarnation, long End, long Lost);

    /// <summary>From now on, and for all that the device was given before.</summary>
    public void Grant(DeviceId device, long incarnation)
    {
        long end = views.Now + FetchTranslations.LeaseAndDrift;
        Lease before = _leases.GetValueOrDefault(device, new Lease(incarnation, end, long.MinValue));
        _leases[device] = new Lease(incarnation, end, before.Incarnation == incarnation ? before.Lost : Math.Max(before.Lost, before.End));
    }

    public void Remove(DeviceId device) => _leases.Remove(device);

    /// <summary>The one incarnation that can hold translations; unknown if there may be more.</summary>
    public long HolderOf(DeviceId device) =>
        _leases.TryGetValue(device, out Lease lease) && lease.Lost <= views.Now ? lease.Incarnation : CacheHolder.Unknown;

    /// <summary>All that this device was given may be used no more.</summary>
    public bool IsOver(DeviceId device) => !_leases.TryGetValue(device, out Lease lease) || Math.Max(lease.End, lease.Lost) <= views.Now;

    /// <summary>Reached when no lease of these devices that was granted so far holds any more; null if none does.</summary>
    public Completion? Over(IEnumerable<DeviceId> devices)
    {
        long end = devices.Max(device => _leases.TryGetValue(device, out Lease lease) ? Math.Max(lease.End, lease.Lost) : long.MinValue);
        return end > views.Now ? new LeaseOver(views, end) : null;
    }
}
