// Where DMA happens on a silo and how much memory its page tables may take; set by whoever hosts the silo.
namespace IoasidGrains.Grains;

/// <summary>Settings of the DMA path.</summary>
public sealed class DmaOptions
{
    private const long BytesPerTable = 4096;

    /// <summary>
    /// What all page tables of the silo may take, in bytes; unless it is set, half of what the process may use. A mapping that would need more is refused
    /// with ENOMEM, and nothing of it is mapped.
    /// </summary>
    public long PageTableMemory { get; set; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>
    /// A device moves to the silo of the fd that binds it, where it reads page tables without messages. False: it stays where its name put it, and
    /// translates through its own cache if that is elsewhere.
    /// </summary>
    public bool MoveDevices { get; set; } = true;

    /// <summary>The silo's objects show each other nothing: a device behaves as on a silo of its own, and translates through its cache.</summary>
    public bool Apart { get; set; }

    internal long TableLimit => PageTableMemory / BytesPerTable;
}
