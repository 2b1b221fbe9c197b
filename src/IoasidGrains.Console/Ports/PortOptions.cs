// The options that say where a verb runs; shared by run, shell, status and dma.
using System.CommandLine;
using System.CommandLine.Parsing;

namespace IoasidGrains.Console;

/// <summary>Which runner, and under which host name.</summary>
/// <param name="On">embedded, machine or cluster.</param>
/// <param name="Gateway">Of the cluster: HOST:PORT.</param>
/// <param name="Host">Chosen by the user; null for a fresh one.</param>
internal sealed record PortChoice(string On, string Gateway, string? Host);

/// <summary><c>--on</c>, <c>--gateway</c>, <c>--host</c>.</summary>
internal sealed class PortOptions
{
    public const string Embedded = "embedded";
    public const string Machine = "machine";
    public const string Cluster = "cluster";

    private readonly Option<string> _on = new("--on")
    {
        Description = "Where: a silo in this process, the in-process Machine, or a silo cluster.",
    };

    private readonly Option<string> _gateway = new("--gateway")
    {
        Description = "HOST:PORT of a silo's gateway, with --on cluster.",
        DefaultValueFactory = _ => "127.0.0.1:30000",
    };

    private readonly Option<string?> _host = new("--host")
    {
        Description = "Name of the host that the objects live on; a fresh one unless given.",
    };

    /// <param name="usual">Where, unless told otherwise.</param>
    public PortOptions(string usual = Embedded)
    {
        _on.DefaultValueFactory = _ => usual;
        _on.AcceptOnlyFromAmong(Embedded, Machine, Cluster);
        _gateway.Validators.Add(CheckGateway);
        _host.Validators.Add(CheckHost);
    }

    public void AddTo(Command verb)
    {
        verb.Options.Add(_on);
        verb.Options.Add(_gateway);
        verb.Options.Add(_host);
    }

    public PortChoice Read(ParseResult parsed) => new(parsed.GetValue(_on)!, parsed.GetValue(_gateway)!, parsed.GetValue(_host));

    /// <summary>Splits HOST:PORT; null if it is not of that form.</summary>
    public static (string Host, int Port)? Split(string gateway)
    {
        int colon = gateway.LastIndexOf(':');
        bool fits = colon > 0 && ushort.TryParse(gateway.AsSpan(colon + 1), out ushort port) && port > 0;
        return fits ? (gateway[..colon].Trim('[', ']'), ushort.Parse(gateway.AsSpan(colon + 1))) : null;
    }

    private static void CheckGateway(OptionResult option)
    {
        if (option.Tokens.Count == 1 && Split(option.Tokens[0].Value) is null)
        {
            option.AddError($"'{option.Tokens[0].Value}' is no gateway; expected HOST:PORT such as 127.0.0.1:30000.");
        }
    }

    private static void CheckHost(OptionResult option)
    {
        if (option.Tokens.Count == 1 && !Flows.FlowWords.IsName(option.Tokens[0].Value))
        {
            option.AddError($"'{option.Tokens[0].Value}' is no host name; expected letters, digits and _ . : - after a letter.");
        }
    }
}
