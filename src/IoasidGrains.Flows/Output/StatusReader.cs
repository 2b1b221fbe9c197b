// Asks every object of a host for its status line; used by the step and the verb `status`.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Reads the inventory, then each object, then what each one keeps.</summary>
public sealed class StatusReader(IUapi uapi, string session)
{
    private long _sequence;

    /// <summary>All objects of the host, by kind and key. One that refuses to answer is listed with its errno as state.</summary>
    public async Task<IReadOnlyList<ObjectStatus>> Read(HostId host)
    {
        var waiting = new Queue<ObjectId>(await uapi.Inventory(host));
        var seen = new HashSet<ObjectId>();
        var found = new List<ObjectStatus>();
        while (waiting.TryDequeue(out ObjectId id))
        {
            if (!seen.Add(id))
            {
                continue;
            }

            ObjectStatus status = await Describe(id);
            found.Add(status);
            foreach (ObjectId child in status.Children)
            {
                waiting.Enqueue(child);
            }
        }

        return [.. found.OrderBy(status => status.Id)];
    }

    private async Task<ObjectStatus> Describe(ObjectId id)
    {
        var request = new RequestId($"{session}/status", ++_sequence);
        Reply reply = await uapi.Call(new DescribeObject(id) { Request = request });
        return reply.Outputs as ObjectStatus ?? new ObjectStatus(id, reply.ToString(), "", []);
    }
}
