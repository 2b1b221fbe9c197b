// IOMMU_FAULT_QUEUE_ALLOC and the descriptor it makes. Called by Iommufd.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Queues of page faults. No device of ours faults yet, so they stay empty.</summary>
public static class FaultQueues
{
    /// <summary>sizeof(struct iommu_hwpt_pgfault).</summary>
    private const ulong RecordSize = 40;

    public static Errno Alloc(IommufdCall call)
    {
        Errno errno = call.Read(16, out IommuFaultAlloc cmd);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (cmd.Flags != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        cmd.OutFaultId = call.Context.FreeId;
        cmd.OutFaultFd = (uint)call.Frame.State.LowestFreeFile;
        errno = call.Respond(cmd);
        if (errno == Errno.OK)
        {
            call.Context = call.Context.With(new FaultQueue(cmd.OutFaultId, IsOpen: true));
            call.Frame.Install(new FaultFile(call.Context.Number, cmd.OutFaultId));
        }

        return errno;
    }

    /// <summary>Whole records only; there are none.</summary>
    public static long Read(ulong length) => length % RecordSize != 0 ? -(long)Errno.ESPIPE : 0;
}
