// The kernel and the CPU that a VM runs on, as far as coherency depends on them.
namespace IoasidGrains.Uapi;

/// <summary>A Linux release.</summary>
[GenerateSerializer, Immutable]
public readonly record struct KernelVersion(int Major, int Minor) : IComparable<KernelVersion>
{
    public int CompareTo(KernelVersion other) => Major != other.Major ? Major.CompareTo(other.Major) : Minor.CompareTo(other.Minor);

    public bool IsAtLeast(int major, int minor) => CompareTo(new KernelVersion(major, minor)) >= 0;

    public override string ToString() => $"{Major}.{Minor}";
}

/// <summary>Whose virtualisation extensions the CPU has.</summary>
public enum CpuVendor
{
    Intel,
    Amd,
}

/// <summary>What does not change while a VM lives. A VM that nobody declares has <see cref="Default"/>.</summary>
/// <param name="Kernel">Of the host.</param>
/// <param name="SelfSnoop">The CPU keeps its own caches coherent when memory types are mixed (CPUID SS).</param>
/// <param name="IgnoresGuestPat">KVM_X86_QUIRK_IGNORE_GUEST_PAT, on unless user space disables it (since v6.16, on self-snooping CPUs only; no effect on AMD).</param>
/// <param name="WbinvdExit">A guest's wbinvd traps. Without it the instruction runs on the CPU that executes it, whatever KVM counts.</param>
[GenerateSerializer, Immutable]
public sealed record VmTraits(KernelVersion Kernel, CpuVendor Vendor, bool SelfSnoop, bool IgnoresGuestPat, bool WbinvdExit)
{
    public static readonly VmTraits Default = new(new KernelVersion(6, 12), CpuVendor.Intel, SelfSnoop: false, IgnoresGuestPat: true, WbinvdExit: true);

    /// <summary>The whole EPT is zapped when the count of non-coherent DMA leaves or reaches 0 (Yan Zhao, v6.7); before, entries kept their old memory types.</summary>
    public bool ZapsEptAtEdge => Kernel.IsAtLeast(6, 7);

    /// <summary>The guest's MTRRs count where its PAT does (removed in v6.11).</summary>
    public bool HasGuestMtrrs => !Kernel.IsAtLeast(6, 11);

    /// <summary>The quirk is there and may be disabled.</summary>
    public bool MayHonourGuestPat => IgnoresGuestPat || Vendor == CpuVendor.Amd || (SelfSnoop && Kernel.IsAtLeast(6, 16));
}
