// Address space reserved from the kernel and given memory page by page; what TableMemory stands on.
using System.Runtime.InteropServices;

namespace IoasidGrains.PageTable;

/// <summary>
/// One reservation, unmapped when it is disposed and the last ChunkSet in it is gone, whatever order finalizers run in. Memory appears, zeroed,
/// where it is touched. Linux only.
/// </summary>
internal sealed unsafe partial class LinuxMapping : SafeHandle
{
    private const int ProtNone = 0, ProtRead = 1, ProtReadWrite = 3;
    private const int MapPrivate = 0x02, MapAnonymous = 0x20, MapNoReserve = 0x4000;
    private const int AdviseDontNeed = 4, AdviseHugePage = 14, AdviseNoHugePage = 15;

    private readonly nuint _reserved;

    /// <param name="bytes">Of address space; no memory is committed.</param>
    /// <param name="alignment">Of the first byte; a power of two.</param>
    /// <exception cref="OutOfMemoryException">The kernel grants no such range.</exception>
    public LinuxMapping(ulong bytes, ulong alignment)
        : base(0, ownsHandle: true)
    {
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess)
        {
            throw new PlatformNotSupportedException("Page tables live in address space reserved with Linux' mmap, in a 64-bit process.");
        }

        _reserved = (nuint)(bytes + alignment);
        nint start = Map(0, _reserved, ProtNone, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
        if (start == -1)
        {
            throw new OutOfMemoryException($"mmap refused {_reserved} bytes of address space for page tables (errno {Marshal.GetLastPInvokeError()}).");
        }

        SetHandle(start);
        Start = (byte*)(((nuint)start + (nuint)alignment - 1) & ~((nuint)alignment - 1));
    }

    /// <summary>The first byte, aligned.</summary>
    public byte* Start { get; }

    public override bool IsInvalid => handle == 0;

    /// <summary>Makes a part readable; it stays zero and takes no memory of its own.</summary>
    public void AllowRead(ulong offset, ulong bytes) => Check(Protect(At(offset), (nuint)bytes, ProtRead), "mprotect");

    /// <summary>Makes a part usable, in pages of 4 KiB, so that touching one byte never costs 2 MiB.</summary>
    public void AllowWrite(ulong offset, ulong bytes)
    {
        Check(Protect(At(offset), (nuint)bytes, ProtReadWrite), "mprotect");
        _ = Advise(At(offset), (nuint)bytes, AdviseNoHugePage);
    }

    /// <summary>Pages of 2 MiB, please. A kernel without them says no, which costs time only.</summary>
    public void PreferHugePages(ulong offset, ulong bytes, bool huge) =>
        _ = Advise(At(offset), (nuint)bytes, huge ? AdviseHugePage : AdviseNoHugePage);

    /// <summary>Gives the memory back; the part reads as zero again.</summary>
    public void Forget(ulong offset, ulong bytes) => Check(Advise(At(offset), (nuint)bytes, AdviseDontNeed), "madvise");

    protected override bool ReleaseHandle() => Unmap(handle, _reserved) == 0;

    private nint At(ulong offset) => (nint)(Start + offset);

    private static void Check(int result, string call)
    {
        if (result != 0)
        {
            throw new OutOfMemoryException($"{call} failed for page table memory (errno {Marshal.GetLastPInvokeError()}).");
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Advise(nint address, nuint length, int advice);
}
