// One client of the stress test: a fixed number of random operations, counted by outcome.
namespace IoasidGrains.Tests;

/// <summary>Chooses operations so that most kinds succeed often: more bind than unbind, more alloc than free.</summary>
public sealed class StressClient(ClusterClient client, StressPlayground playground, Random random)
{
    public static readonly string[] Kinds = ["bind", "unbind", "attach", "detach", "map", "unmap", "alloc", "free", "update"];

    /// <summary>Outcomes of each kind.</summary>
    public Dictionary<string, Dictionary<Errno, int>> Done { get; } = [];

    public async Task Run(int operations)
    {
        for (int i = 0; i < operations; i++)
        {
            (string kind, Reply reply) = await One(random.Next(100));
            Dictionary<Errno, int> outcomes = Done.TryGetValue(kind, out Dictionary<Errno, int>? known) ? known : Done[kind] = [];
            outcomes[reply.Errno] = outcomes.GetValueOrDefault(reply.Errno) + 1;
        }
    }

    private async Task<(string Kind, Reply Reply)> One(int dice)
    {
        string device = $"dev{random.Next(StressPlayground.Devices)}";
        int fdIndex = random.Next(StressPlayground.Fds);
        string fd = $"fd{fdIndex}";
        uint ioasid = playground.IoasidOf(fdIndex, random);
        ulong iova = (ulong)random.Next(1, 32) * Quantity.PageSize;
        SnoopFormat format = random.Next(2) == 0 ? SnoopFormat.Snoop : SnoopFormat.NoSnoop;
        return dice switch
        {
            < 16 => ("bind", await client.Bind(device, fd)),
            < 22 => ("unbind", await client.Unbind(device)),
            < 44 => ("attach", await client.Attach(device, ioasid, format)),
            < 54 => ("detach", await client.Detach(device, ioasid)),
            < 72 => ("map", await client.Map(fd, ioasid, iova)),
            < 84 => ("unmap", await client.Unmap(fd, ioasid, iova)),
            < 89 => ("alloc", await Alloc(fdIndex, format)),
            < 92 => ("free", await client.Call(new IoasidFree(client.Fd(fd), new IoasidNumber(ioasid)))),
            _ => ("update", await client.Call(new KvmUpdateIoasidFd(client.Vm($"vm{fdIndex % StressPlayground.Vms}"), client.Fd(fd)))),
        };
    }

    private async Task<Reply> Alloc(int fd, SnoopFormat format)
    {
        Reply reply = await client.Alloc($"fd{fd}", format);
        playground.NoteAlloc(fd, reply.Value);
        return reply;
    }
}
