// From an errno to what a system call returns; used by its handlers.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>Zero, or minus the errno, as the kernel's functions return it.</summary>
internal static class ErrnoResults
{
    public static long AsResult(this Errno errno) => -(long)errno;
}
