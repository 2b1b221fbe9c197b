// stub
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>stub</summary>
public static class Syscalls
{
    public static long Run(SyscallFrame frame, Syscall call) => -(long)Errno.ENOTTY;
}
