// VFIO_IOMMU_DIRTY_PAGES and the dirty bitmaps of type1 (drivers/vfio/vfio_iommu_type1.c); used by Type1Ioctls and Type1Unmaps.
using System.Runtime.InteropServices;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>
/// Type1 knows nothing of what devices behind an IOMMU write: while there is one such group, every page of every mapping is dirty. What is left to be exact about is how
/// bits are laid into the user's words.
/// </summary>
internal static class Type1Dirty
{
    private const uint Start = LinuxFlags.VFIO_IOMMU_DIRTY_PAGES_FLAG_START, Stop = LinuxFlags.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP,
        GetBitmap = LinuxFlags.VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
    private const int WordBits = 64;
    private const uint HeadBytes = 8, RangeBytes = 40;
    private const ulong MostPages = int.MaxValue, LargestBitmap = (MostPages + 1) / 8;

    /// <summary>The last byte that access_ok() lets a user name.</summary>
    private const ulong UserLast = Quantity.UserAddressEnd - Quantity.PageSize;

    public static Errno DirtyPages(SyscallFrame frame, Container container, ulong argument)
    {
        Type1 type1 = container.Type1!;
        if (!type1.V2)
        {
            return Errno.EACCES;
        }

        if (!frame.TryRead(argument, out VfioIommuType1DirtyBitmap dirty))
        {
            return Errno.EFAULT;
        }

        return dirty.Argsz < HeadBytes ? Errno.EINVAL : dirty.Flags switch
        {
            Start when type1.TracksDirty => Errno.OK,
            Start when type1.Areas.All.Any(area => !CanTrack(type1, area.Range.Length)) => Errno.EINVAL,
            Start => Track(frame, container, true),
            Stop => Track(frame, container, false),
            GetBitmap => Get(frame, container, dirty.Argsz, argument + HeadBytes),
            _ => Errno.EINVAL,
        };
    }

    /// <summary>A bitmap of so many bytes has a bit for every page.</summary>
    public static bool CanTrack(Type1 type1, ulong size) => size / type1.PageSize <= MostPages;

    /// <summary>The user's bitmap is in user space and large enough for so many bytes of IOVA; its page size is compared later.</summary>
    public static bool IsBitmapFor(VfioBitmap bitmap, ulong size)
    {
        ulong pages = bitmap.Pgsize == 0 ? size : size / (bitmap.Pgsize & (~bitmap.Pgsize + 1));
        bool isOfUser = bitmap.Size <= UserLast && bitmap.Data <= UserLast - bitmap.Size;
        return isOfUser && pages != 0 && bitmap.Size != 0 && bitmap.Size <= LargestBitmap && bitmap.Size >= unchecked((pages + (WordBits - 1)) & ~(WordBits - 1UL)) / 8;
    }

    /// <summary>
    /// Puts the bits of one mapping into the user's bitmap, which begins at <paramref name="iova"/>. Whole words are copied; what the shift has pushed behind the
    /// end of the kernel's bitmap stays there and comes along the next time.
    /// </summary>
    public static Errno Tell(SyscallFrame frame, Type1 type1, Area area, ulong iova, ulong data, out MappingNote after)
    {
        after = type1.NoteOf(area);
        ulong pages = area.Range.Length / type1.PageSize;
        ulong first = (area.Range.Start - iova) / type1.PageSize;
        (int shift, ulong address) = ((int)(first % WordBits), data + (first / WordBits * sizeof(ulong)));
        int copied = WordsFor(pages + (ulong)shift);
        Span<byte> end = stackalloc byte[sizeof(ulong)];
        if (!frame.TryRead(address + ((ulong)(copied - 1) * sizeof(ulong)), end))
        {
            return Errno.EFAULT;
        }

        var words = new ulong[((pages + (WordBits - 1)) / WordBits) + 1];
        int tail = (int)(pages / WordBits);
        Fill(words, tail, pages, after.Tail);
        if (shift != 0)
        {
            ShiftLeft(words.AsSpan(0, copied), shift);
            if (!frame.TryRead(address, out ulong before))
            {
                return Errno.EFAULT;
            }

            words[0] |= before;
        }

        if (!frame.TryWrite(address, MemoryMarshal.AsBytes<ulong>(words.AsSpan(0, copied))))
        {
            return Errno.EFAULT;
        }

        int lastBits = (int)(pages % WordBits);
        after = after with { Tail = (lastBits == 0 ? words[tail] : words[tail] >> lastBits << lastBits, tail + 1 < words.Length ? words[tail + 1] : 0) };
        return Errno.OK;
    }

    private static int WordsFor(ulong bits) => (int)((bits + (WordBits - 1)) / WordBits);

    private static void Fill(ulong[] words, int tail, ulong pages, (ulong First, ulong Second) left)
    {
        words.AsSpan(0, tail).Fill(ulong.MaxValue);
        words[tail] |= left.First | ((1UL << (int)(pages % WordBits)) - 1);
        if (tail + 1 < words.Length)
        {
            words[tail + 1] |= left.Second;
        }
    }

    private static void ShiftLeft(Span<ulong> words, int shift)
    {
        for (int i = words.Length - 1; i > 0; i--)
        {
            words[i] = (words[i] << shift) | (words[i - 1] >> (WordBits - shift));
        }

        words[0] <<= shift;
    }

    private static Errno Track(SyscallFrame frame, Container container, bool on)
    {
        Type1 type1 = container.Type1!;
        if (type1.TracksDirty != on)
        {
            foreach (KeyValuePair<ulong, MappingNote> note in type1.Notes)
            {
                MappingNote without = note.Value with { Tail = default };
                type1 = type1 with { Notes = without == default ? type1.Notes.Remove(note.Key) : type1.Notes.SetItem(note.Key, without) };
            }

            frame.Set(container with { Type1 = type1 with { TracksDirty = on } });
        }

        return Errno.OK;
    }

    private static Errno Get(SyscallFrame frame, Container container, uint argsz, ulong argument)
    {
        Type1 type1 = container.Type1!;
        if (argsz - HeadBytes < RangeBytes)
        {
            return Errno.EINVAL;
        }

        if (!frame.TryRead(argument, out VfioIommuType1DirtyBitmapGet get))
        {
            return Errno.EFAULT;
        }

        ulong inPage = type1.PageSize - 1;
        if (unchecked(get.Iova + get.Size) < get.Iova || !IsBitmapFor(get.Bitmap, get.Size) || get.Bitmap.Pgsize != type1.PageSize
            || (get.Iova & inPage) != 0 || get.Size == 0 || (get.Size & inPage) != 0 || !type1.TracksDirty || Type1Unmaps.Cuts(type1, get.Iova, get.Size))
        {
            return Errno.EINVAL;
        }

        return TellAll(frame, container, get);
    }

    private static Errno TellAll(SyscallFrame frame, Container container, VfioIommuType1DirtyBitmapGet get)
    {
        Type1 type1 = container.Type1!;
        Errno errno = Errno.OK;
        foreach (Area area in type1.Areas.Overlapping(new IovaRange(get.Iova, get.Iova + (get.Size - 1))))
        {
            errno = Tell(frame, type1, area, get.Iova, get.Bitmap.Data, out MappingNote after);
            if (errno != Errno.OK)
            {
                break;
            }

            type1 = type1.With(area, after);
        }

        frame.Set(container with { Type1 = type1 });
        return errno;
    }
}
