// A port that answers from a script; what the tests of the flow language run against.
namespace IoasidGrains.Tests;

/// <summary>Answers with what <c>answer</c> says (0 if it says null) and keeps every command, in the order of arrival.</summary>
internal sealed class FakeUapi(Func<UapiCommand, Reply?>? answer = null) : IUapi
{
    private readonly Lock _lock = new();

    public List<UapiCommand> Commands { get; } = [];

    public ObjectId[] Objects { get; set; } = [];

    /// <summary>If set, a command waits for this task before it is answered.</summary>
    public Func<UapiCommand, Task>? Gate { get; set; }

    public async ValueTask<Reply> Call(UapiCommand command)
    {
        lock (_lock)
        {
            Commands.Add(command);
        }

        await (Gate?.Invoke(command) ?? Task.CompletedTask);
        return answer?.Invoke(command) ?? Reply.Ok;
    }

    public ValueTask<ObjectId[]> Inventory(HostId host) => ValueTask.FromResult(Objects);
}
