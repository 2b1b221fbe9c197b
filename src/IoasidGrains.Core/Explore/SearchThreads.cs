// Runs the parts of a search at once; the one place of this project that starts threads.
using System.Runtime.ExceptionServices;

namespace IoasidGrains.Core;

#pragma warning disable RS0030 // The driver of explorations may start threads (BannedSymbols.txt).
internal static class SearchThreads
{
    /// <summary>Each on a thread of its own; returns when all have ended. An exception of one is thrown again here.</summary>
    public static void RunAll(Action[] parts)
    {
        Exception? broken = null;
        Thread[] threads = Array.ConvertAll(parts, part => new Thread(() =>
        {
            try
            {
                part();
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref broken, exception, null);
            }
        })
        {
            IsBackground = true,
        });
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        if (broken is not null)
        {
            ExceptionDispatchInfo.Throw(broken);
        }
    }
}
#pragma warning restore RS0030
