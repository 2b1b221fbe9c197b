// Error numbers of x86 Linux; every refusal of an object is one of these.
namespace IoasidGrains.Uapi;

/// <summary>A Linux error number (x86 values). <see cref="OK"/> is success; a reply prints the others as <c>-EINVAL</c>.</summary>
public enum Errno
{
    OK = 0,
    EPERM = 1,
    ENOENT = 2,
    ESRCH = 3,
    /// <summary>The outcome is unknown, or a call failed before the commit and nothing changed.</summary>
    EIO = 5,
    ENXIO = 6,
    E2BIG = 7,
    EBADF = 9,
    EAGAIN = 11,
    ENOMEM = 12,
    EACCES = 13,
    EFAULT = 14,
    EBUSY = 16,
    EEXIST = 17,
    ENODEV = 19,
    EINVAL = 22,
    ENOTTY = 25,
    ENOSPC = 28,
    ESPIPE = 29,
    EDEADLK = 35,
    EBADE = 52,
    EOVERFLOW = 75,
    EBADFD = 77,
    EMSGSIZE = 90,
    EOPNOTSUPP = 95,
    EADDRINUSE = 98,
    ETIMEDOUT = 110,
    /// <summary>The request id is older than the window of answers that the ioasid_fd's log keeps.</summary>
    ESTALE = 116,
}
