// What an ioctl reports besides its return value, and how a flow writes it: words and key=value, separated by blanks.
namespace IoasidGrains.Uapi;

/// <summary>The outputs of one ioctl. <see cref="Text"/> is its one canonical spelling.</summary>
[GenerateSerializer, Immutable]
public abstract record Outputs
{
    public abstract string Text { get; }
}

/// <summary>IOASID_GET_DEV_INFO: the fixed attributes of a device's IOMMU unit.</summary>
[GenerateSerializer, Immutable]
public sealed record DeviceInfo(IommuCapabilities Unit, DeviceTraits Device) : Outputs
{
    public override string Text =>
        $"{(Unit.EnforceSnoop ? "enforce_snoop" : "no_enforce_snoop")} width={Unit.AddressWidth} pages={Unit.PageSizeNames}"
        + $" reserved={Reserved} id={Device.Id}";

    private string Reserved => string.Join(',', Unit.Reserved.Concat(Device.Reserved).Append(Quantity.InterruptWindow).Order().Distinct());
}

/// <summary>IOASID_GET_INFO: what one IOASID is.</summary>
[GenerateSerializer, Immutable]
public sealed record IoasidInfo(IoasidSpec Spec, int Devices, int Mappings, IovaRange[] Reserved) : Outputs
{
    public override string Text =>
        $"{Spec.Format.Word()} width={Spec.AddressWidth} pages={Quantity.PageSizeNames(Spec.PageSizes)}"
        + $" devices={Devices} mappings={Mappings} reserved={string.Join(',', Reserved)}";
}

/// <summary>What KVM does now for this VM.</summary>
/// <param name="NoncoherentCount">How many fds and files make the VM's DMA non-coherent.</param>
[GenerateSerializer, Immutable]
public sealed record KvmCoherency(int NoncoherentCount) : Outputs
{
    public WbinvdMode Wbinvd => NoncoherentCount == 0 ? WbinvdMode.Nop : WbinvdMode.Emulated;

    public override string Text => $"noncoherent_dma={NoncoherentCount} wbinvd={Wbinvd.Word()}";
}

/// <summary>An event: from now on a no-snoop device of these VMs may do non-coherent DMA that their KVM was not told of (domain 3.5).</summary>
[GenerateSerializer, Immutable]
public sealed record CoherencyGap(VmId[] Vms) : Outputs
{
    public override string Text => $"coherency_gap={string.Join(',', Vms)}";
}

/// <summary>IOASID_UNMAP_DMA: bytes removed.</summary>
[GenerateSerializer, Immutable]
public sealed record UnmappedBytes(ulong Bytes) : Outputs
{
    public override string Text => $"size=0x{Bytes:x}";
}

/// <summary>IOMMU_HWPT_GET_DIRTY_BITMAP: a bit per page from the start of the range on.</summary>
/// <param name="PageSize">Bytes that one bit stands for.</param>
[GenerateSerializer, Immutable]
public sealed record DirtyBitmap(ulong Iova, ulong PageSize, ulong[] Words) : Outputs
{
    private const int PagesNamed = 16;

    public long Count => Words.Sum(word => (long)System.Numerics.BitOperations.PopCount(word));

    /// <summary>The number of pages, and the first of them by address.</summary>
    public override string Text
    {
        get
        {
            long count = Count;
            string named = string.Join(',', Pages().Take(PagesNamed).Select(page => $"0x{page:x}"));
            return $"dirty={count}" + (count == 0 ? "" : $" at={named}") + (count > PagesNamed ? ",.." : "");
        }
    }

    /// <summary>The IOVA of every dirty page, rising.</summary>
    public IEnumerable<ulong> Pages()
    {
        for (int i = 0; i < Words.Length; i++)
        {
            for (ulong word = Words[i]; word != 0; word &= word - 1)
            {
                yield return Iova + ((((ulong)i * 64) + (ulong)System.Numerics.BitOperations.TrailingZeroCount(word)) * PageSize);
            }
        }
    }
}

/// <summary>A guest's wbinvd: skipped, or executed.</summary>
/// <param name="Mode">Nop if it was skipped.</param>
/// <param name="Cpus">The CPUs whose caches were written back and emptied, rising.</param>
/// <param name="Lines">Dirty lines that were written to memory.</param>
[GenerateSerializer, Immutable]
public sealed record WbinvdOutcome(WbinvdMode Mode, CpuId[] Cpus, int Lines) : Outputs
{
    public static readonly WbinvdOutcome Ignored = new(WbinvdMode.Nop, [], 0);

    public override string Text => Mode == WbinvdMode.Nop ? "ignored" : $"flushed cpus={string.Join(',', Cpus)} lines={Lines}";
}

/// <summary>Bytes that were read, in hex, two digits a byte.</summary>
[GenerateSerializer, Immutable]
public sealed record MemoryBytes(byte[] Bytes) : Outputs
{
    public override string Text => $"data={Convert.ToHexStringLower(Bytes)}";
}

/// <summary>One device access: where it went and whether caches were snooped, or the fault that stopped it.</summary>
/// <param name="Fault">None if it went through.</param>
/// <param name="Code">VT-d's reason code of the fault.</param>
/// <param name="Iova">The address that faulted.</param>
/// <param name="Memory">Where the access began.</param>
/// <param name="Snooped">True if the caches were consulted.</param>
/// <param name="Data">Bytes of a read.</param>
/// <param name="Gap">Not snooped, in the memory of a VM whose KVM ignores wbinvd.</param>
[GenerateSerializer, Immutable]
public sealed record DmaOutcome(
    DmaFault Fault, int Code, ulong Iova, UserAddress Memory, bool Snooped, byte[]? Data, bool Gap) : Outputs
{
    public override string Text => Fault != DmaFault.None
        ? $"fault={Fault.Word()} reason=0x{Code:x} iova=0x{Iova:x}"
        : $"at={Memory} {(Snooped ? "snooped" : "not_snooped")}"
          + (Data is null ? "" : $" data={Convert.ToHexStringLower(Data)}")
          + (Gap ? " coherency_gap" : "");
}

/// <summary>One line of <c>status</c>, and the objects that this one keeps.</summary>
[GenerateSerializer, Immutable]
public sealed record ObjectStatus(ObjectId Id, string State, string Detail, ObjectId[] Children) : Outputs
{
    /// <summary>What it has cost to become so, in words; no part of what the object is.</summary>
    [Id(0)]
    public string Costs { get; init; } = "";

    public override string Text => $"{State} {Details}".TrimEnd();

    /// <summary>Detail and costs.</summary>
    public string Details => $"{Detail} {Costs}".Trim();
}

/// <summary>To the fd: the declared facts of a device.</summary>
[GenerateSerializer, Immutable]
public sealed record DeviceDescription(DeviceTraits Traits) : Outputs
{
    public override string Text => $"behind={Traits.Unit} group={Traits.Group}";
}

/// <summary>To the fd: what a unit can do.</summary>
[GenerateSerializer, Immutable]
public sealed record UnitDescription(IommuCapabilities Capabilities) : Outputs
{
    public override string Text => Capabilities.EnforceSnoop ? "enforce_snoop" : "no_enforce_snoop";
}

/// <summary>To the IOASID: the devices that may hold translations of the range just cleared.</summary>
/// <param name="Number">Of the invalidation that they are to be told of.</param>
[GenerateSerializer, Immutable]
public sealed record CachedBy(CacheHolder[] Devices, long Number) : Outputs
{
    public override string Text => $"cached_by={string.Join(',', Devices.Select(holder => holder.Device))}";
}

/// <summary>A device that was given translations.</summary>
/// <param name="Incarnation">Which one asked for them; <see cref="Unknown"/> if the table that gave them is lost.</param>
/// <param name="LeaseLeft">For how long it may use them, in nanoseconds: no longer than that need anybody wait for it to answer.</param>
[GenerateSerializer, Immutable]
public readonly record struct CacheHolder(DeviceId Device, long Incarnation, long LeaseLeft)
{
    public const long Unknown = -1;
}

/// <summary>To the device: contiguous pieces of user memory, in the order of the IOVA.</summary>
/// <param name="Lease">The access must have been made so many nanoseconds after it was asked for, or is translated again.</param>
[GenerateSerializer, Immutable]
public sealed record Translated(DmaSegment[] Segments, long Lease) : Outputs
{
    public override string Text => $"segments={Segments.Length}";
}

/// <summary>One contiguous piece of a translated access.</summary>
[GenerateSerializer, Immutable]
public readonly record struct DmaSegment(UserAddress Memory, int Length, bool EnforcesSnoop);

/// <summary>To the device: the translation failed at an address.</summary>
[GenerateSerializer, Immutable]
public sealed record Faulted(DmaFault Fault, ulong Iova) : Outputs
{
    public override string Text => $"fault={Fault.Word()}";
}

/// <summary>With <see cref="ReplyStatus.NotDriven"/>: the leaf that started without its records, and the fds that must drive it again before it can answer.</summary>
[GenerateSerializer, Immutable]
public sealed record MustDrive(ObjectId Leaf, FdId[] Fds) : Outputs
{
    public override string Text => $"not_driven={Leaf} by={string.Join(',', Fds)}";
}

/// <summary>To the device: one piece of an access is done.</summary>
/// <param name="Data">Bytes of a read; null for a write.</param>
/// <param name="Gap">It went past the caches of a VM whose KVM ignores wbinvd.</param>
[GenerateSerializer, Immutable]
public sealed record MemoryAccessed(byte[]? Data, bool Gap) : Outputs
{
    public override string Text => Gap ? "coherency_gap" : "";
}

/// <summary>To the Kvm: what was flushed, and what all that was done to this memory has cost.</summary>
[GenerateSerializer, Immutable]
public sealed record CachesFlushed(CpuId[] Cpus, int Lines, KvmCosts Costs) : Outputs
{
    public override string Text => $"cpus={string.Join(',', Cpus)} lines={Lines}";
}
