// Which exceptions mean that a call's outcome is unknown. Used wherever a call is repeated.
using Microsoft.AspNetCore.Connections;

namespace IoasidGrains.Contracts;

/// <summary>
/// A call whose answer did not come: a time-out, a silo that is gone, a full queue, a broken connection. Whether it took effect is unknown, so it
/// is repeated with the same request id (or the same stamp). Every other exception is a bug and goes on to whoever called.
/// </summary>
public static class LostCall
{
    public static bool Is(Exception exception) => exception
        is TimeoutException or OrleansException or OperationCanceledException or ConnectionAbortedException or ConnectionResetException;
}
