// What a system call answers: its return value, and the bytes it wrote.
namespace IoasidGrains.Uapi;

/// <summary>The return value is <see cref="Reply.Value"/>, or -1 and <see cref="Reply.Errno"/>.</summary>
/// <param name="Written">What the kernel wrote to the process's memory, also when it failed.</param>
[GenerateSerializer, Immutable]
public sealed record SyscallResult(UserBytes[] Written) : Outputs
{
    /// <summary>KVM's count of non-coherent DMA after each change that this call made, in order.</summary>
    [Id(0)]
    public int[] NoncoherentCounts { get; init; } = [];

    public override string Text => string.Join(' ', Written.Select(bytes => $"{bytes.Address:x}={Convert.ToHexStringLower(bytes.Data)}"));
}
