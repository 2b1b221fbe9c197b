// The structs of the KVM ioctls that kvm-vfio needs, as include/uapi/linux/kvm.h of Linux 6.12 lays them out; a test compares them with it.
using System.Runtime.InteropServices;

namespace IoasidGrains.Uapi.Linux;

/// <summary><c>struct kvm_create_device</c>: KVM_CREATE_DEVICE.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct KvmCreateDevice
{
    public uint Type;
    public uint Fd;
    public uint Flags;
}

/// <summary><c>struct kvm_device_attr</c>: KVM_SET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR and KVM_HAS_DEVICE_ATTR.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct KvmDeviceAttr
{
    public uint Flags;
    public uint Group;
    public ulong Attr;
    public ulong Addr;
}
