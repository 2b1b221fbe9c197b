// A VM, as KVM knows it, as a grain: one line per command into the runner.
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>The mailbox of Core's <c>Kvm</c>.</summary>
[CellPlacement]
public sealed class KvmGrain(IGrainContext context, GrainPorts ports) : ObjectGrain(ObjectKind.Kvm, context, ports), IKvmGrain
{
    public ValueTask<Reply> DeclareVm(DeclareVm command) => Run(command);

    public ValueTask<Reply> LinkFd(LinkFd command) => Run(command);

    public ValueTask<Reply> UpdateSnoop(UpdateSnoop command) => Run(command);

    public ValueTask<Reply> UnlinkFd(UnlinkFd command) => Run(command);

    public ValueTask<Reply> CloseVm(CloseVm command) => Run(command);

    public ValueTask<Reply> KvmFileAdd(KvmFileAdd command) => Run(command);

    public ValueTask<Reply> KvmFileDel(KvmFileDel command) => Run(command);

    public ValueTask<Reply> CpuWbinvd(CpuWbinvd command) => Run(command);

    public ValueTask<Reply> CpuMemoryType(CpuMemoryType command) => Run(command);

    public ValueTask<Reply> ReadKvmCosts(ReadKvmCosts command) => Run(command);
}
