// Structures that device emulators keep translations in, behind one interface; the report sets them beside ours.
using System.Runtime.InteropServices;
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>Pages of 4 KiB; an entry is as in our table.</summary>
internal interface IPageMap
{
    bool TryMap(ulong iova, ulong entry);

    void Unmap(ulong iova);

    /// <returns>All ones if not mapped.</returns>
    ulong Translate(ulong iova);
}

/// <summary>A hash per page, as QEMU's and others' software IOTLB, but without a limit on its size.</summary>
internal sealed class HashMap : IPageMap
{
    private readonly Dictionary<ulong, ulong> _pages = [];

    public bool TryMap(ulong iova, ulong entry) => _pages.TryAdd(iova >> 12, entry);

    public void Unmap(ulong iova) => _pages.Remove(iova >> 12);

    public ulong Translate(ulong iova)
    {
        ref ulong entry = ref CollectionsMarshal.GetValueRefOrNullRef(_pages, iova >> 12);
        return System.Runtime.CompilerServices.Unsafe.IsNullRef(ref entry) ? TranslatedWord.Fault : (entry & IoPte.AddressMask) | (iova & 0xFFF);
    }
}

/// <summary>A sorted dictionary of pages (.NET's is a red-black tree), as the BTreeMap of several emulators.</summary>
internal sealed class SortedMap : IPageMap
{
    private readonly SortedDictionary<ulong, ulong> _pages = [];

    public bool TryMap(ulong iova, ulong entry) => _pages.TryAdd(iova >> 12, entry);

    public void Unmap(ulong iova) => _pages.Remove(iova >> 12);

    public ulong Translate(ulong iova) =>
        _pages.TryGetValue(iova >> 12, out ulong entry) ? (entry & IoPte.AddressMask) | (iova & 0xFFF) : TranslatedWord.Fault;
}

/// <summary>Any page table of ours.</summary>
internal sealed class TableMap(IIoPageTable table) : IPageMap
{
    public bool TryMap(ulong iova, ulong entry) => table.Map(new IovaRange(iova, iova + 4095), entry & IoPte.AddressMask, DmaAccess.ReadWrite) == Errno.OK;

    public void Unmap(ulong iova) => table.Unmap(new IovaRange(iova, iova + 4095));

    public ulong Translate(ulong iova)
    {
        Translation translation = table.Translate(iova, DmaAccess.Read, unitEnforcesSnoop: true);
        return translation.Fault == DmaFault.None ? translation.Physical : TranslatedWord.Fault;
    }
}
