// Random histories of mapping, writing, dirty tracking and a device's cache, against the sorted list of pages and a set of written ones.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

public sealed class ReaderModelTests
{
    private const int OperationsPerHistory = 300;
    private const ulong P = 4096, M = 1UL << 20, G = 1UL << 30;

    /// <summary>60,000 operations by default; 2,400,000 with IOASID_STRESS=1.</summary>
    private static readonly int Histories = Environment.GetEnvironmentVariable("IOASID_STRESS") == "1" ? 4000 : 100;

    /// <summary>Where the bits of one chunk end and those of the next begin, as do a slot and a GiB. Now and then that GiB is mapped or read whole.</summary>
    private const ulong Middle = 64 * G;

    private enum Kind
    {
        Map, Unmap, Track, Stop, Write, Read, ReadAndClear, Take, Cached,
    }

    private sealed record Operation(Kind Kind, IovaRange Range, ulong Physical, DmaAccess Access, ulong PageSize, ulong[] Iovas)
    {
        public override string ToString() => Kind switch
        {
            Kind.Map => $"map {Range} to 0x{Physical:x} {Access}",
            Kind.Unmap => $"unmap {Range}",
            Kind.Read or Kind.ReadAndClear or Kind.Take => $"{Kind} {Range} by 0x{PageSize:x}" + (Kind == Kind.Take ? $", between {string.Join(' ', Iovas.Select(iova => $"0x{iova:x}"))}" : ""),
            Kind.Write or Kind.Cached => $"{Kind} {Access} {string.Join(' ', Iovas.Select(iova => $"0x{iova:x}"))}",
            _ => $"{Kind}",
        };
    }

    /// <summary>Pages of 4 KiB only, and of every size; the seed is the number of the history.</summary>
    [Theory]
    [InlineData(4096UL)]
    [InlineData(IommuCapabilities.AllPageSizes)]
    public void RandomHistories_AnswerAsTheModelDoes(ulong pageSizes)
    {
        for (int seed = 0; seed < Histories; seed++)
        {
            var random = new Random(seed);
            List<Operation> operations = [.. Enumerable.Range(0, OperationsPerHistory).Select(_ => Draw(random, pageSizes != P))];
            if (Difference(operations, pageSizes) is not null)
            {
                operations = ShortestHistory.Of(operations, shorter => Difference(shorter, pageSizes) is not null);
                Assert.Fail($"seed {seed}, sizes 0x{pageSizes:x}: {Difference(operations, pageSizes)}\n{string.Join('\n', operations)}");
            }
        }
    }

    private static string? Difference(List<Operation> operations, ulong pageSizes)
    {
        using var pair = new Pair(pageSizes);
        try
        {
            for (int i = 0; i < operations.Count; i++)
            {
                if (pair.Step(operations[i]) is { } difference)
                {
                    return $"operation {i + 1}: {difference}";
                }
            }
        }
        catch (Exception exception) when (exception is InvalidOperationException or NullReferenceException or IndexOutOfRangeException or ArgumentException)
        {
            return exception.ToString();
        }

        return null;
    }

    /// <param name="random">Of the seed.</param>
    /// <param name="giants">With pages of 1 GiB: one is mapped, taken and read as a whole, too. In pages of 4 KiB that would be all that the test does.</param>
    private static Operation Draw(Random random, bool giants)
    {
        ulong unit = random.Next(4) == 0 ? 2 * M : P;
        ulong start = Middle + (ulong)random.Next(-70, 70) * P;
        start = unit == P ? start : Middle + (ulong)random.Next(-2, 2) * unit;
        var range = new IovaRange(start, start + (ulong)random.Next(1, unit == P ? 140 : 4) * unit - 1);
        Kind kind = random.Next(20) switch
        {
            < 4 => Kind.Map,
            < 7 => Kind.Unmap,
            7 => Kind.Track,
            8 => random.Next(3) == 0 ? Kind.Stop : Kind.Track,
            < 13 => Kind.Write,
            13 => Kind.Read,
            < 15 => Kind.ReadAndClear,
            < 17 => Kind.Take,
            _ => Kind.Cached,
        };
        bool giant = giants && kind is (Kind.Map or Kind.Unmap or Kind.ReadAndClear or Kind.Take) && random.Next(4) == 0;
        range = giant ? new IovaRange(Middle, Middle + G - 1) : range;
        ulong[] iovas = [.. Enumerable.Range(0, random.Next(1, 20)).Select(_ => start + (ulong)random.NextInt64(-70 * (long)P, 70 * (long)P))];
        ulong pageSize = random.Next(3) == 0 ? P << random.Next(0, 10) : P;
        if (kind is Kind.Read or Kind.ReadAndClear or Kind.Take && !giant && random.Next(8) != 0)
        {
            range = new IovaRange(range.Start & ~(pageSize - 1), range.Last | (pageSize - 1));
        }

        return new Operation(kind, range, giant ? 8 * G : 8 * G + (random.Next(3) == 0 ? (ulong)random.Next(512) * P : start % (2 * M)),
            (DmaAccess)random.Next(1, 4), pageSize, iovas);
    }

    /// <summary>The table with a reader and a cache, and what they should know.</summary>
    private sealed class Pair : IDisposable
    {
        private readonly PageTableModel _model;
        private readonly SortedSet<ulong> _written = [];
        private readonly DensePageTable _table;
        private readonly TableReader _reader;
        private readonly AddressTranslationCache _cache = new(512, 512);
        private readonly ulong[] _words = new ulong[32], _missing = new ulong[32], _leaf = new ulong[512];
        private bool _tracks;

        public Pair(ulong pageSizes)
        {
            _model = new PageTableModel(39, pageSizes);
            _table = new DensePageTable(39, false, pageSizes);
            _reader = _table.AddReader();
        }

        public void Dispose()
        {
            _reader.Dispose();
            _table.Dispose();
        }

        public string? Step(Operation operation) => operation.Kind switch
        {
            Kind.Map => Same(_model.Map(operation.Range, operation.Physical, operation.Access), _table.Map(operation.Range, operation.Physical, operation.Access)),
            Kind.Unmap => Unmap(operation.Range),
            Kind.Track or Kind.Stop => Track(operation.Kind == Kind.Track),
            Kind.Write => Access(operation.Iovas, operation.Access),
            Kind.Cached => AccessCached(operation.Iovas, operation.Access),
            Kind.Take => Take(operation.Range, operation.PageSize, operation.Iovas),
            _ => Read(operation.Range, operation.PageSize, operation.Kind == Kind.ReadAndClear),
        };

        private static string? Same(Errno expected, Errno answered) => expected == answered ? null : $"answered {answered}, not {expected}";

        private string? Unmap(IovaRange range)
        {
            Errno expected = _model.Unmap(range);
            Errno answered = _table.Unmap(range);
            if (expected == Errno.OK)
            {
                _written.RemoveWhere(page => range.Contains(new IovaRange(page * P, page * P)));
                _cache.Invalidate([range]);
                _table.Advance();
            }

            return Same(expected, answered);
        }

        private string? Track(bool enable)
        {
            _tracks = enable;
            _written.Clear();
            return Same(Errno.OK, _table.SetDirtyTracking(enable));
        }

        private string? Access(ulong[] iovas, DmaAccess need)
        {
            _reader.TryEnter();
            int faults = _reader.Translate(iovas, _words, need, true);
            _reader.Leave();
            foreach (ulong iova in iovas.Where(iova => _tracks && need.HasFlag(DmaAccess.Write) && Word(iova, need) != TranslatedWord.Fault))
            {
                _written.Add(iova / P);
            }

            return Compare(iovas, need, faults, "read");
        }

        private string? AccessCached(ulong[] iovas, DmaAccess need)
        {
            for (int tries = 0; tries < 40; tries++)
            {
                long generation = _cache.Generation;
                _cache.Enter();
                int faults = _cache.Translate(iovas, _words, need, true, _missing.AsSpan(0, 3), out int missing);
                string? difference = missing != 0 ? null : Compare(iovas, need, faults, "cached");
                _cache.Leave();
                if (missing == 0)
                {
                    return difference;
                }

                foreach (ulong slot in _missing[..missing])
                {
                    ulong entry = _table.Fetch(slot * 2 * M, _leaf);
                    _cache.TryFill(generation, slot, entry, _leaf);
                }
            }

            return "what was filled in is always missed again";
        }

        private string? Compare(ulong[] iovas, DmaAccess need, int faults, string how)
        {
            for (int i = 0; i < iovas.Length; i++)
            {
                ulong wanted = Word(iovas[i], need);
                if (_words[i] != wanted)
                {
                    return $"0x{iovas[i]:x} {how} as 0x{_words[i]:x}, not 0x{wanted:x}";
                }
            }

            int expected = iovas.Count(iova => Word(iova, need) == TranslatedWord.Fault);
            return faults == expected ? null : $"{faults} faults {how}, not {expected}";
        }

        private string? Read(IovaRange range, ulong pageSize, bool clear)
        {
            bool valid = CanRead(range, pageSize);
            var wanted = new bool[Pages(range, pageSize)];
            var bitmap = new ulong[(wanted.Length + 63) / 64];
            Forget(valid ? Found(range, pageSize, wanted, _ => true) : [], clear);
            return Same(valid ? Errno.OK : Errno.EINVAL, _table.ReadDirty(range, pageSize, clear, bitmap)) ?? Compare(range, wanted, bitmap);
        }

        /// <summary>In two steps, with writes in between: those in a GiB that the range has wholly are left for the next read, the others are in this one.</summary>
        private string? Take(IovaRange range, ulong pageSize, ulong[] written)
        {
            bool valid = CanRead(range, pageSize);
            var wanted = new bool[Pages(range, pageSize)];
            var bitmap = new ulong[(wanted.Length + 63) / 64];
            Forget(valid ? Found(range, pageSize, wanted, _ => true) : [], clear: true);
            string? difference = Same(valid ? Errno.OK : Errno.EINVAL, _table.TakeDirty(range, pageSize, bitmap.Length)) ?? Access(written, DmaAccess.Write);
            if (difference is not null || !valid)
            {
                return difference;
            }

            Forget(Found(range, pageSize, wanted, page => !HasGiantOf(range, page * P)), clear: true);
            bool live = _table.CollectTaken(bitmap);
            bool ends = !HasGiantOf(range, range.Start) || !HasGiantOf(range, range.Last);
            return live != ends ? $"answered that it was{(live ? "" : " not")} cleared live" : Compare(range, wanted, bitmap);
        }

        private static int Pages(IovaRange range, ulong pageSize) => (int)((range.Last - range.Start) / pageSize) + 1;

        private static bool HasGiantOf(IovaRange range, ulong iova) => range.Contains(new IovaRange(iova & ~(G - 1), iova | (G - 1)));

        private static string? Compare(IovaRange range, bool[] wanted, ulong[] bitmap)
        {
            for (int page = 0; page < wanted.Length; page++)
            {
                if (wanted[page] != ((bitmap[page / 64] >> (page % 64) & 1) != 0))
                {
                    return $"page {page} of {range} is{(wanted[page] ? " not" : "")} dirty";
                }
            }

            return null;
        }

        private bool CanRead(IovaRange range, ulong pageSize) => _tracks && range.Start % pageSize == 0 && (range.Last + 1) % pageSize == 0 && IsMapped(range);

        /// <summary>The written pages of a range that count, as bits.</summary>
        private ulong[] Found(IovaRange range, ulong pageSize, bool[] bits, Predicate<ulong> counts)
        {
            ulong[] found = [.. _written.GetViewBetween(range.Start / P, range.Last / P).Where(page => counts(page))];
            Array.ForEach(found, page => bits[(page * P - range.Start) / pageSize] = true);
            return found;
        }

        private void Forget(ulong[] pages, bool clear) => _written.ExceptWith(clear ? pages : []);

        private bool IsMapped(IovaRange range)
        {
            for (ulong at = range.Start; at <= range.Last;)
            {
                if (_model.PageAt(at) is not { } page)
                {
                    return false;
                }

                at = page.Last + 1;
            }

            return true;
        }

        private ulong Word(ulong iova, DmaAccess need) => TranslatedWord.Of(_model.Translate(iova, _model.PageAt(iova), need, false));
    }
}
