// Steps that touch memory: a device's DMA, and a CPU of the memory's owner.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary><c>dma DEVICE read|write IOVA+LENGTH [no_snoop] [data …]</c></summary>
/// <param name="Bytes">What a write writes; null for a read, and for a write that says nothing: bytes of 0xdd.</param>
public sealed record DmaStep(string Device, ulong Iova, int Length, bool Write, bool NoSnoop, byte[]? Bytes) : FlowStep
{
    /// <summary>What a write without data writes; easy to see in a dump, and no byte that memory starts with.</summary>
    public const byte Fill = 0xdd;

    public override StepPlan Plan(FlowNames names, RequestId request)
    {
        byte[]? bytes = Write ? Bytes ?? FillOf(Math.Min(Length, DeviceDma.MaxLength)) : null;
        DmaAccess access = Write ? DmaAccess.Write : DmaAccess.Read;
        return StepPlan.Send(new DeviceDma(names.Device(Device), Iova, Length, access, NoSnoop, bytes) { Request = request });
    }

    private static byte[] FillOf(int length)
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan().Fill(Fill);
        return bytes;
    }
}

/// <summary><c>cpu OWNER write ADDRESS … [on CPU]</c></summary>
public sealed record CpuWriteStep(NamedObject Owner, ulong Address, byte[] Bytes, CpuId? Cpu) : FlowStep
{
    public override StepPlan Plan(FlowNames names, RequestId request) =>
        StepPlan.Send(new CpuWrite(names.MemoryOf(Owner), Address, Bytes) { Request = request, Cpu = Cpu });
}

/// <summary><c>cpu OWNER read ADDRESS+LENGTH [on CPU]</c></summary>
public sealed record CpuReadStep(NamedObject Owner, ulong Address, int Length, CpuId? Cpu) : FlowStep
{
    public override StepPlan Plan(FlowNames names, RequestId request) =>
        StepPlan.Send(new CpuRead(names.MemoryOf(Owner), Address, Length) { Request = request, Cpu = Cpu });
}

/// <summary><c>cpu VM wbinvd [on CPU]</c></summary>
public sealed record CpuWbinvdStep(NamedObject Vm, CpuId? Cpu) : FlowStep
{
    public override StepPlan Plan(FlowNames names, RequestId request) =>
        StepPlan.Send(new CpuWbinvd(names.Vm(Vm.Name)) { Request = request, Cpu = Cpu });
}

/// <summary><c>cpu VM memtype ram|mmio [guest TYPE] [mtrr TYPE]</c></summary>
public sealed record CpuMemoryTypeStep(NamedObject Vm, bool Mmio, MemoryType Pat, MemoryType Mtrr) : FlowStep
{
    public override StepPlan Plan(FlowNames names, RequestId request) =>
        StepPlan.Send(new CpuMemoryType(names.Vm(Vm.Name), Mmio, Pat, Mtrr) { Request = request });
}
