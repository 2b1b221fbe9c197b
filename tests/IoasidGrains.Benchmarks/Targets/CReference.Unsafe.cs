// The project's own C code, compiled when the benchmark starts and called in this process on the memory of our table.
using System.Diagnostics;
using System.Runtime.InteropServices;
using IoasidGrains.PageTable;

namespace IoasidGrains.Benchmarks;

/// <summary>A dense table as C walks it: <c>struct dense</c> of reference.c.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DenseForC
{
    public ulong Start, Directory, Width, Tested, Wanted;
}

/// <summary>The functions of reference.c.</summary>
internal sealed unsafe class CReference
{
    public readonly delegate* unmanaged<ulong, ulong*> HugeAlloc;
    public readonly delegate* unmanaged<ulong*, void> HugeFree;
    public readonly delegate* unmanaged<DenseForC*, ulong*, ulong*, long, long> DenseWalk;
    public readonly delegate* unmanaged<DenseForC*, ulong*, long, ulong, ulong> DenseDependent;
    public readonly delegate* unmanaged<ulong*, long, ulong, ulong, void> Fill;
    public readonly delegate* unmanaged<ulong*, ulong, void> ChainsMake;
    public readonly delegate* unmanaged<ulong*, ulong*, long, ulong> ChainsRun;
    public readonly delegate* unmanaged<uint, nint> RadixNew;
    public readonly delegate* unmanaged<nint, void> RadixDelete;
    public readonly delegate* unmanaged<nint, ulong, ulong, long, int, int> RadixMap;
    public readonly delegate* unmanaged<nint, ulong*, ulong*, long, ulong, long> RadixWalk;
    public readonly delegate* unmanaged<nint, ulong, ulong, long, int, long, void> RadixPairs;
    public readonly delegate* unmanaged<nint, ulong*, long, long, void> RadixChurn;
    public readonly delegate* unmanaged<ulong, nint> TreeNew;
    public readonly delegate* unmanaged<nint, void> TreeDelete;
    public readonly delegate* unmanaged<nint, ulong, ulong, ulong, int> TreeMap;
    public readonly delegate* unmanaged<nint, ulong*, ulong*, long, long> TreeWalk;
    public readonly delegate* unmanaged<nint, ulong*, long, long, void> TreeChurn;

    // SAFETY: the signatures are those of reference.c; the library stays loaded as long as the process.
    private CReference(nint library)
    {
        void* Of(string name) => (void*)NativeLibrary.GetExport(library, name);
        HugeAlloc = (delegate* unmanaged<ulong, ulong*>)Of("huge_alloc");
        HugeFree = (delegate* unmanaged<ulong*, void>)Of("huge_free");
        DenseWalk = (delegate* unmanaged<DenseForC*, ulong*, ulong*, long, long>)Of("dense_walk");
        DenseDependent = (delegate* unmanaged<DenseForC*, ulong*, long, ulong, ulong>)Of("dense_dependent");
        Fill = (delegate* unmanaged<ulong*, long, ulong, ulong, void>)Of("fill");
        ChainsMake = (delegate* unmanaged<ulong*, ulong, void>)Of("chains_make");
        ChainsRun = (delegate* unmanaged<ulong*, ulong*, long, ulong>)Of("chains_run");
        RadixNew = (delegate* unmanaged<uint, nint>)Of("radix_new");
        RadixDelete = (delegate* unmanaged<nint, void>)Of("radix_delete");
        RadixMap = (delegate* unmanaged<nint, ulong, ulong, long, int, int>)Of("radix_map");
        RadixWalk = (delegate* unmanaged<nint, ulong*, ulong*, long, ulong, long>)Of("radix_walk");
        RadixPairs = (delegate* unmanaged<nint, ulong, ulong, long, int, long, void>)Of("radix_pairs");
        RadixChurn = (delegate* unmanaged<nint, ulong*, long, long, void>)Of("radix_churn");
        TreeNew = (delegate* unmanaged<ulong, nint>)Of("tree_new");
        TreeDelete = (delegate* unmanaged<nint, void>)Of("tree_delete");
        TreeMap = (delegate* unmanaged<nint, ulong, ulong, ulong, int>)Of("tree_map");
        TreeWalk = (delegate* unmanaged<nint, ulong*, ulong*, long, long>)Of("tree_walk");
        TreeChurn = (delegate* unmanaged<nint, ulong*, long, long, void>)Of("tree_churn");
    }

    /// <summary>Null where gcc is not installed: the walk on spans is the baseline then.</summary>
    /// <exception cref="InvalidOperationException">gcc is there and does not compile it.</exception>
    public static CReference? TryLoad()
    {
        string source = Path.Combine(AppContext.BaseDirectory, "Native", "reference.c");
        string folder = Directory.CreateTempSubdirectory("ioasid-reference").FullName;
        try
        {
            string library = Path.Combine(folder, "reference.so");
            var start = new ProcessStartInfo("gcc", ["-O3", "-march=native", "-shared", "-fPIC", "-o", library, source]) { RedirectStandardError = true };
            using Process gcc = Process.Start(start)!;
            string complaint = gcc.StandardError.ReadToEnd();
            gcc.WaitForExit();
            return gcc.ExitCode == 0 ? new CReference(NativeLibrary.Load(library)) : throw new InvalidOperationException($"gcc: {complaint}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The same table, the same test of entries: read, on a unit that enforces snoop.</summary>
    public static DenseForC ReaderOf(DensePageTable table)
    {
        (nint start, nint directory) = table.Raw;
        return new DenseForC { Start = (ulong)start, Directory = (ulong)directory, Width = (ulong)table.AddressWidth, Tested = 1 | (1UL << 62), Wanted = 1 };
    }
}
