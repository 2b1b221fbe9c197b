// The objects that the clients of the stress test share.
namespace IoasidGrains.Tests;

/// <summary>Four units (half of them enforce snoop), devices in groups of two, open fds, and VMs that the fds are announced to.</summary>
public sealed class StressPlayground
{
    public const int Units = 4;
    public const int Devices = 24;
    public const int Fds = 8;
    public const int Vms = 4;

    private readonly uint[] _lastIoasid = new uint[Fds];

    public async Task Build(ClusterClient client)
    {
        for (int unit = 0; unit < Units; unit++)
        {
            Assert.True((await client.DeclareUnit($"vtd{unit}", unit % 2 == 0)).Succeeded);
        }

        for (int device = 0; device < Devices; device++)
        {
            Assert.True((await client.DeclareDevice($"dev{device}", $"vtd{device / 2 % Units}", $"g{device / 2}")).Succeeded);
        }

        for (int fd = 0; fd < Fds; fd++)
        {
            Assert.True((await client.Open($"fd{fd}")).Succeeded);
            Assert.True((await client.Call(new KvmAddIoasidFd(client.Vm($"vm{fd % Vms}"), client.Fd($"fd{fd}")))).Succeeded);
        }
    }

    /// <summary>One of the three youngest IOASIDs of an fd, which may be freed or not be there yet.</summary>
    public uint IoasidOf(int fd, Random random)
    {
        uint back = (uint)random.Next(3);
        uint last = Volatile.Read(ref _lastIoasid[fd]);
        return last > back ? last - back : 1;
    }

    /// <summary>Numbers only grow.</summary>
    public void NoteAlloc(int fd, long number)
    {
        uint known;
        while ((known = Volatile.Read(ref _lastIoasid[fd])) < number)
        {
            Interlocked.CompareExchange(ref _lastIoasid[fd], (uint)number, known);
        }
    }
}
