// Replays one recorded program at a port. Used by conform.
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>
/// A recording does not tell every close(): a descriptor that the program does not use any more may have been closed at any time. Where the kernel did what an
/// open file of ours forbids, the program is replayed with such a descriptor closed before.
/// </summary>
internal sealed class CaseReplay(ReplayHosts hosts, RecordedCase recorded, string profile)
{
    /// <summary>Another file of the group or of the device is open; the device is bound already; another file owns the group's DMA.</summary>
    private static readonly Errno[] OfOpenFiles = [Errno.EBUSY, Errno.EINVAL, Errno.EPERM];

    /// <summary>Descriptors that were closed without being told, and before which call.</summary>
    private readonly List<(string File, int Before)> _closed = [];

    /// <summary>The first difference; null if there is none. Throws <see cref="CallNotUnderstoodException"/>.</summary>
    public async Task<Difference?> Run()
    {
        (Difference? difference, bool refused) = await Play();
        while (difference is not null && refused)
        {
            Difference? better = await Explain(difference);
            if (better == difference)
            {
                return difference;
            }

            (difference, refused) = await Play();
        }

        return difference;
    }

    /// <summary>Tries what may have been closed before the call that differs, each alone and then all; null or a later difference if that explains it.</summary>
    private async Task<Difference?> Explain(Difference difference)
    {
        (string File, int Before)[] unused = [.. Unused(difference.Index).Where(close => !_closed.Contains(close))];
        foreach ((string File, int Before)[] closes in unused.Select(close => new[] { close }).Append(unused).Where(closes => closes.Length > 0))
        {
            _closed.AddRange(closes);
            (Difference? next, _) = await Play();
            if (next is null || next.Index > difference.Index)
            {
                return next;
            }

            _closed.RemoveRange(_closed.Count - closes.Length, closes.Length);
        }

        return difference;
    }

    /// <summary>
    /// Descriptors that are open before this call and that neither it nor a later one uses until their name is opened again, the last one first; and those whose
    /// name was opened again before.
    /// </summary>
    private List<(string File, int Before)> Unused(int index)
    {
        List<string> opened = [];
        List<(string, int)> replaced = [];
        for (int i = 0; i < index; i++)
        {
            if (recorded.Calls[i] is { Ret: >= 0 } call && OpenedBy(call) is { } file)
            {
                if (opened.Remove(file))
                {
                    replaced.Add((file, i));
                }

                opened.Add(file);
            }
        }

        return [.. opened.AsEnumerable().Reverse().Where(file => !IsUsed(file, index)).Select(file => (file, index)), .. replaced];
    }

    /// <summary>The name of the descriptor that a call made.</summary>
    private static string? OpenedBy(LinuxCall call) => call.Name == "open" ? call.File : call.Out?["fd"]?.ToString();

    private bool IsUsed(string file, int from)
    {
        foreach (LinuxCall call in recorded.Calls.Skip(from))
        {
            if (call.Name == "open" && call.File == file)
            {
                return false;
            }

            if (call.File == file || call.Args.Any(argument => argument.Value is System.Text.Json.Nodes.JsonValue value && value.TryGetValue(out string? text) && text == file))
            {
                return true;
            }
        }

        return false;
    }

    private async Task<(Difference? First, bool Refused)> Play()
    {
        (LinuxProcess process, HostId host) = await hosts.Start(recorded.Given, profile);
        try
        {
            for (int i = 0; i < recorded.Calls.Length; i++)
            {
                foreach ((string file, int before) in _closed.Where(close => close.Before == i))
                {
                    await process.Close(process.FileOf(file));
                }

                CallAnswer answer = await recorded.Calls[i].Make(process);
                Difference? difference = Comparing.Of(i, recorded.Calls[i], answer, process.NoncoherentEvents);
                if (recorded.Calls[i].Out?.ContainsKey(Comparing.Events) == true)
                {
                    process.NoncoherentEvents.Clear();
                }

                if (difference is not null)
                {
                    return (difference, OfOpenFiles.Contains(answer.Errno) && recorded.Calls[i].Ret >= 0);
                }
            }

            return (null, false);
        }
        finally
        {
            await hosts.End(process, host);
        }
    }
}
