// The devices and the memory of a process under fuzz; used by FuzzProgram and FuzzPick.
using System.Collections.Immutable;

namespace IoasidGrains.Tests.Linux.Fuzz;

/// <summary>Units that differ in all that rules ask for, a group of two, and a device without IOMMU.</summary>
internal static class FuzzHost
{
    /// <summary>Memory that can be written, and some that can only be read.</summary>
    public const ulong Buffer = 0x100_0000_0000, ReadOnly = 0x100_0300_0000;

    private const ulong BufferBytes = 0x200_0000, ReadOnlyBytes = 0x2000;

    private static readonly IommuCapabilities Enforcing = new(true, 48, IommuCapabilities.AllPageSizes, true, []) { DirtyTracking = true, Nesting = true };
    private static readonly IommuCapabilities Plain = new(false, 39, IommuCapabilities.AllPageSizes, false, [new IovaRange(0x8000_0000, 0x800f_ffff)]);
    private static readonly IommuCapabilities Amd = new(true, 48, 0xfff_ffff_f000, false, []) { Driver = IommuDriver.Amd };
    private static readonly IommuCapabilities Virtio = new(false, 48, 0xffff_ffff_ffff_f000, false, []) { Driver = IommuDriver.Virtio, MsiIsolated = false };

    public static readonly DeviceFacts[] Devices =
    [
        KernelProcess.Device("A", Enforcing), KernelProcess.Device("B", Plain), KernelProcess.Device("C", Enforcing, "gCD"), KernelProcess.Device("D", Enforcing, "gCD"),
        KernelProcess.Device("E", Amd, null, new IovaRange(0x10_0000, 0x10_ffff)), KernelProcess.Device("F", Virtio), KernelProcess.Device("N", null),
    ];

    public static readonly string[] Paths =
    [
        "/dev/iommu", "/dev/vfio/vfio", "/dev/kvm", "/dev/vfio/gA", "/dev/vfio/gB", "/dev/vfio/gCD", "/dev/vfio/gE", "/dev/vfio/gF", "/dev/vfio/noiommu-gN",
        "/dev/vfio/devices/A", "/dev/vfio/devices/B", "/dev/vfio/devices/C", "/dev/vfio/devices/D", "/dev/vfio/devices/E", "/dev/vfio/devices/F", "/dev/vfio/devices/N",
        "/dev/vfio/gN", "/dev/vfio/noiommu-gA", "/dev/vfio/", "/dev/vfio/devices/", "/dev/null", "",
    ];

    public static ProcessOptions Options(Random random, FuzzFamily family) => ProcessOptions.Default with
    {
        Memory = [new UserRegion(Buffer, Buffer + BufferBytes - 1, true), new UserRegion(ReadOnly, ReadOnly + ReadOnlyBytes - 1, false)],
        LockedLimit = random.Next(4) == 0 ? 0x40_0000UL : ulong.MaxValue,
        AllowUnsafeInterrupts = random.Next(4) != 0,
        NoIommu = random.Next(4) != 0,
        Selftest = family.Selftest || random.Next(4) == 0,
        Privileged = random.Next(4) != 0,
        ContainerMappings = random.Next(3) == 0 ? 3 : 65535,
    };
}
