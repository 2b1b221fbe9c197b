// One system call under way: the process's state as it changes, and its memory. Used by everything under Linux.
using System.Runtime.InteropServices;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>
/// Handlers change <see cref="State"/> as they go and return a value of zero or more, or minus an errno, as the kernel's do. What they changed before
/// they failed stays, as in the kernel; so they decide first wherever the kernel undoes.
/// </summary>
public sealed class SyscallFrame(FdId process, ProcessState state, UserBytes[] memory)
{
    private static readonly UserBytes[] NoMemory = [];
    private readonly List<(Claim Claim, Errno IfRefused)> _claims = [];
    private readonly byte[]?[] _written = new byte[]?[memory.Length];

    public FdId Process { get; } = process;

    public static SyscallFrame Of(ProcessState state, Syscall call) => new(call.Process, state, call is SysIoctl ioctl ? ioctl.Memory : NoMemory);

    /// <summary>The state after a call that was made before: a log is replayed.</summary>
    public static ProcessState Made(ProcessState state, Syscall call)
    {
        SyscallFrame frame = Of(state, call);
        Syscalls.Run(frame, call);
        return frame.State;
    }

    /// <summary>What the process gets.</summary>
    public Reply Answer(long value) => new(
        value < 0 ? (Errno)(-value) : Errno.OK, Math.Max(value, 0), new SyscallResult(Written()) { NoncoherentCounts = [.. NoncoherentCounts] });

    public ProcessState State { get; set; } = state;

    /// <summary>What the store must grant with this call, and what the call answers if it does not: nothing of it is done then.</summary>
    public IReadOnlyList<(Claim Claim, Errno IfRefused)> Claims => _claims;

    public void Demand(Claim claim, Errno ifRefused) => _claims.Add((claim, ifRefused));

    /// <summary>What becomes of devices and their page tables, in order.</summary>
    public List<LiveChange> Live { get; } = [];

    /// <summary>What must be asked of the tables that devices translate through; null: nothing.</summary>
    public DirtyQuestion? Dirty { get; set; }

    /// <summary>KVM's count of non-coherent DMA after each register or unregister.</summary>
    public List<int> NoncoherentCounts { get; } = [];

    /// <summary>A new number for a context, an address space, a container, a device file or a VM; none is given twice.</summary>
    public int NextNumber()
    {
        State = State with { LastNumber = State.LastNumber + 1 };
        return State.LastNumber;
    }

    /// <summary>Every byte of the range is memory of the process that can be pinned for such an access; else EFAULT. A mapped device region is not: see <see cref="ProcessState.Regions"/>.</summary>
    public bool CanPin(ulong address, ulong length, bool write)
    {
        if (length == 0 || address >= Quantity.UserAddressEnd || length > Quantity.UserAddressEnd - address)
        {
            return false;
        }

        if (State.Options.Memory is not { } regions)
        {
            return true;
        }

        ulong next = address;
        ulong last = address + (length - 1);
        while (true)
        {
            int found = Array.FindIndex(regions, region => next >= region.Start && next <= region.Last && (region.Writable || !write));
            if (found < 0)
            {
                return false;
            }

            if (regions[found].Last >= last)
            {
                return true;
            }

            next = regions[found].Last + 1;
        }
    }

    /// <summary>A user address as a page table maps it.</summary>
    public UserAddress Address(ulong address) => new(Process.ProcessMemory, address);

    /// <summary>Installs an open file at the lowest free number.</summary>
    public int Install(OpenFile file)
    {
        int number = State.LowestFreeFile;
        State = State with { Files = State.Files.Add(number, file) };
        return number;
    }

    /// <summary>copy_from_user of a struct; false: EFAULT.</summary>
    public bool TryRead<T>(ulong address, out T value)
        where T : struct
    {
        Span<byte> bytes = stackalloc byte[Marshal.SizeOf<T>()];
        bool read = TryRead(address, bytes);
        value = read ? MemoryMarshal.Read<T>(bytes) : default;
        return read;
    }

    /// <summary>copy_from_user; false: EFAULT.</summary>
    public bool TryRead(ulong address, Span<byte> bytes)
    {
        if (bytes.Length == 0)
        {
            return true;
        }

        (int index, int offset) = Find(address, bytes.Length);
        if (index < 0)
        {
            return false;
        }

        (_written[index] ?? memory[index].Data).AsSpan(offset, bytes.Length).CopyTo(bytes);
        return true;
    }

    /// <summary>copy_to_user; false: EFAULT.</summary>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0)
        {
            return true;
        }

        (int index, int offset) = Find(address, bytes.Length);
        if (index < 0)
        {
            return false;
        }

        byte[] image = _written[index] ??= [.. memory[index].Data];
        bytes.CopyTo(image.AsSpan(offset));
        return true;
    }

    /// <summary>copy_to_user of a struct; false: EFAULT.</summary>
    public bool TryWrite<T>(ulong address, in T value)
        where T : struct
    {
        Span<byte> bytes = stackalloc byte[Marshal.SizeOf<T>()];
        MemoryMarshal.Write(bytes, in value);
        return TryWrite(address, bytes);
    }

    /// <summary>Every buffer that was written, as it is now.</summary>
    public UserBytes[] Written() =>
        [.. Enumerable.Range(0, memory.Length).Where(index => _written[index] is not null).Select(index => new UserBytes(memory[index].Address, _written[index]!))];

    private (int Index, int Offset) Find(ulong address, int length)
    {
        for (int i = 0; i < memory.Length; i++)
        {
            UserBytes bytes = memory[i];
            if (address >= bytes.Address && address - bytes.Address <= (ulong)bytes.Data.Length && (ulong)length <= (ulong)bytes.Data.Length - (address - bytes.Address))
            {
                return (i, (int)(address - bytes.Address));
            }
        }

        return (-1, 0);
    }
}
