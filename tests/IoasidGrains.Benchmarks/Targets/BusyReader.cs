// A device that never rests: a thread that reads or writes through a table, section after section, while something else is measured.
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>Accesses any of the first so many bytes until it is disposed. What is unmapped just then faults, which is all right.</summary>
internal sealed class BusyReader : IDisposable
{
    private readonly Thread _thread;
    private readonly DensePageTable _table;
    private readonly ulong _bytes;
    private readonly DmaAccess _access;
    private long _sections;
    private bool _stop;

    public BusyReader(DensePageTable table, ulong bytes, DmaAccess access)
    {
        (_table, _bytes, _access) = (table, bytes, access);
        _thread = new Thread(Read);
        _thread.Start();
    }

    /// <summary>How many it has ended.</summary>
    public long Sections => Volatile.Read(ref _sections);

    /// <summary>Returns when it has ended so many, so that it is known to run: on a machine without a free core it may be off its processor.</summary>
    public void AwaitSections(long sections)
    {
        while (Sections < sections)
        {
            Thread.SpinWait(1);
        }
    }

    public void Dispose()
    {
        Volatile.Write(ref _stop, true);
        _thread.Join();
    }

    private void Read()
    {
        using TableReader reader = _table.AddReader();
        AddressQueries queries = AddressQueries.Random(_bytes, 1 << 16);
        while (!Volatile.Read(ref _stop) && reader.TryEnter())
        {
            reader.Translate(queries.Window(TableReader.MaxTranslations), queries.Words, _access, true);
            reader.Leave();
            Volatile.Write(ref _sections, _sections + 1);
        }
    }
}
