// The heads of the structs of a VFIO device's interrupts and resets, as include/uapi/linux/vfio.h of Linux 6.12 lays them out; a test compares them with it.
using System.Runtime.InteropServices;

namespace IoasidGrains.Uapi.Linux;

/// <summary><c>struct vfio_irq_set</c>: VFIO_DEVICE_SET_IRQS; its data follow.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioIrqSet
{
    public uint Argsz;
    public uint Flags;
    public uint Index;
    public uint Start;
    public uint Count;
}

/// <summary><c>struct vfio_pci_hot_reset_info</c>: VFIO_DEVICE_GET_PCI_HOT_RESET_INFO; <see cref="Count"/> devices of eight bytes follow.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioPciHotResetInfo
{
    public uint Argsz;
    public uint Flags;
    public uint Count;
}

/// <summary><c>struct vfio_pci_hot_reset</c>: VFIO_DEVICE_PCI_HOT_RESET; <see cref="Count"/> descriptors follow.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioPciHotReset
{
    public uint Argsz;
    public uint Flags;
    public uint Count;
}

/// <summary><c>struct vfio_device_ioeventfd</c>: VFIO_DEVICE_IOEVENTFD.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct VfioDeviceIoeventfd
{
    public uint Argsz;
    public uint Flags;
    public ulong Offset;
    public ulong Data;
    public int Fd;
    public uint Reserved;
}
