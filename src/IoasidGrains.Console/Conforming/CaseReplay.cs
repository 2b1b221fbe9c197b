// Replays one recorded program at a port. Used by conform.
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>
/// A recording does not tell every close(): a descriptor that the program does not use any more may have been closed at any time. Where the kernel did what an
/// open file of ours forbids (EBUSY), the program is replayed with such a descriptor closed before.
/// </summary>
internal sealed class CaseReplay(ReplayHosts hosts, RecordedCase recorded, string profile)
{
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

    /// <summary>Tries what may have been closed before the call that differs; null or a later difference if that explains it.</summary>
    private async Task<Difference?> Explain(Difference difference)
    {
        foreach (string file in Unused(difference.Index))
        {
            _closed.Add((file, difference.Index));
            (Difference? next, _) = await Play();
            if (next is null || next.Index > difference.Index)
            {
                return next;
            }

            _closed.RemoveAt(_closed.Count - 1);
        }

        return difference;
    }

    /// <summary>Descriptors that are open before this call and that neither it nor a later one uses until their name is opened again, the last one first.</summary>
    private IEnumerable<string> Unused(int index)
    {
        var opened = new List<string>();
        for (int i = 0; i < index; i++)
        {
            LinuxCall call = recorded.Calls[i];
            if (call is { Name: "open", Ret: >= 0 })
            {
                opened.Remove(call.File);
                opened.Add(call.File);
            }
        }

        return opened.AsEnumerable().Reverse().Where(file => !IsUsed(file, index) && !_closed.Contains((file, index)));
    }

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
                    return (difference, answer.Errno == Errno.EBUSY && recorded.Calls[i].Ret >= 0);
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
