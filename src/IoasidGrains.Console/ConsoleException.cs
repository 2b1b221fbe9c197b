// A mistake of the user that is found only when a verb runs: no such file, no cluster there. Ends the command with exit code 2.
namespace IoasidGrains.Console;

/// <summary>Its message is one line for the user.</summary>
internal sealed class ConsoleException(string message) : Exception(message);
