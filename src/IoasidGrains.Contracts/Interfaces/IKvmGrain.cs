// A VM as KVM knows it: what fds drive it to, and what its user does.
using IoasidGrains.Uapi;

namespace IoasidGrains.Contracts;

/// <summary>A VM: the last word of each fd about its coherency, the device files that KVM keeps, and what wbinvd does.</summary>
public interface IKvmGrain : IKernelObjectGrain
{
    ValueTask<Reply> DeclareVm(DeclareVm command);

    ValueTask<Reply> LinkFd(LinkFd command);

    ValueTask<Reply> UpdateSnoop(UpdateSnoop command);

    ValueTask<Reply> UnlinkFd(UnlinkFd command);

    ValueTask<Reply> CloseVm(CloseVm command);

    ValueTask<Reply> KvmFileAdd(KvmFileAdd command);

    ValueTask<Reply> KvmFileDel(KvmFileDel command);

    ValueTask<Reply> CpuWbinvd(CpuWbinvd command);

    ValueTask<Reply> CpuMemoryType(CpuMemoryType command);

    ValueTask<Reply> ReadKvmCosts(ReadKvmCosts command);
}
