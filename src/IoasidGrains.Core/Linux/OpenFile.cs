// What a file descriptor of a process stands for.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>One open file. Two descriptors of one process never share one: dup() is not modelled.</summary>
public abstract record OpenFile;

/// <summary>/dev/iommu. <paramref name="Context"/> is its number in <see cref="ProcessState.Contexts"/>.</summary>
public sealed record IommufdFile(int Context) : OpenFile;

/// <summary>The fd of a fault queue; <paramref name="Object"/> is its id in the context.</summary>
public sealed record FaultFile(int Context, uint Object) : OpenFile;

/// <summary>The fd of an in-kernel access, of iommufd's self test.</summary>
public sealed record AccessFile(int Context, uint Object) : OpenFile;

/// <summary>/dev/vfio/vfio.</summary>
public sealed record ContainerFile(int Container) : OpenFile;

/// <summary>/dev/vfio/GROUP.</summary>
public sealed record VfioGroupFile(GroupId Group) : OpenFile;

/// <summary>A device's file, from its group or from /dev/vfio/devices. <paramref name="File"/> is its number in <see cref="ProcessState.DeviceFiles"/>.</summary>
public sealed record VfioDeviceFile(int File) : OpenFile;

/// <summary>/dev/kvm.</summary>
public sealed record KvmFile : OpenFile;

/// <summary>A VM.</summary>
public sealed record VmFile(int Vm) : OpenFile;

/// <summary>The kvm-vfio device of a VM.</summary>
public sealed record KvmVfioFile(int Vm) : OpenFile;

/// <summary>Standard input, output and error.</summary>
public sealed record TerminalFile : OpenFile;
