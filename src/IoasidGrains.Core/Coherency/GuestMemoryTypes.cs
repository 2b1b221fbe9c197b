// Which memory type a guest's mapping comes out as, by kernel version and CPU (domain 5.3, 5.4). Used by Kvm.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>vmx_get_mt_mask() and its counterpart on AMD. CR0.CD is taken to be clear.</summary>
public static class GuestMemoryTypes
{
    /// <param name="noncoherent">KVM counts non-coherent DMA.</param>
    public static EffectiveMemoryType Of(VmTraits vm, bool noncoherent, CpuMemoryType page)
    {
        if (page.Mmio)
        {
            return new EffectiveMemoryType(Combined(MemoryType.Uc, page.Pat), true);
        }

        if (!HonoursGuest(vm, noncoherent))
        {
            return new EffectiveMemoryType(MemoryType.Wb, false);
        }

        bool mtrrs = vm.HasGuestMtrrs && vm.Vendor == CpuVendor.Intel;
        return new EffectiveMemoryType(Combined(mtrrs ? page.Mtrr : MemoryType.Wb, page.Pat), true);
    }

    /// <summary>AMD has no ignore-PAT bit. Intel: while DMA is non-coherent, and since v6.16 where user space has disabled the quirk.</summary>
    private static bool HonoursGuest(VmTraits vm, bool noncoherent) => vm.Vendor == CpuVendor.Amd || noncoherent || !vm.IgnoresGuestPat;

    /// <summary>PAT over the type below it (MTRR or EPT): write combining wins, write back leaves it to the type below.</summary>
    private static MemoryType Combined(MemoryType below, MemoryType pat) => pat switch
    {
        MemoryType.Wc => MemoryType.Wc,
        MemoryType.Wb => below,
        _ => MemoryType.Uc,
    };
}
