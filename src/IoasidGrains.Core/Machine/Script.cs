// What a sweep runs: a list of steps, some of which may be dealt to concurrent clients. The flow language makes these; Core does not know it.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>A scenario that can be run any number of times.</summary>
public interface IScript
{
    /// <summary>Number of steps.</summary>
    int Count { get; }

    /// <summary>True for an ioctl, an open or a close, which a sweep may give to any client; the other steps are done alone, in their place.</summary>
    bool IsDealt(int step);

    /// <summary>The step as written.</summary>
    string Text(int step);

    /// <summary>A fresh run with nothing bound. With <paramref name="guesses"/> a name that is not bound yet has the value that the scenario expects for it.</summary>
    IScriptRun Start(bool guesses);
}

/// <summary>One run: what its names are bound to.</summary>
public interface IScriptRun
{
    /// <summary>The command of a step, or the answer if it is refused at the door or needs no command.</summary>
    (UapiCommand? Command, Reply? Immediate) Plan(int step, RequestId request);

    /// <summary>Takes the reply in (a name may be bound by it), and gives what the user sees.</summary>
    Reply Finish(int step, Reply reply);
}
