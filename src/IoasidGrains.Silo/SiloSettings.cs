// What can be configured of a silo, read from appsettings.json, the environment and the command line. Used by Program.
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace IoasidGrains.Silo;

/// <summary>The settings of one silo, all of them valid.</summary>
/// <param name="Listen">Address and port that other silos reach it at.</param>
/// <param name="GatewayPort">Port that clients reach it at, on the same address.</param>
/// <param name="Primary">The silo that keeps the membership of the cluster (development clustering); itself if it is the first.</param>
/// <param name="HealthUrl">Where <c>/health/live</c> and <c>/health/ready</c> answer.</param>
/// <param name="ResponseTimeout">After this long the answer of a call between silos counts as lost.</param>
internal sealed record SiloSettings(
    string ClusterId, string ServiceId, IPEndPoint Listen, int GatewayPort, IPEndPoint Primary, Uri HealthUrl, TimeSpan ResponseTimeout)
{
    /// <summary>The endpoints of this silo that another process listens at. Orleans shares a port without a word (SO_REUSEPORT), so it is asked first.</summary>
    public IPEndPoint[] PortsInUse => [.. new[] { Listen, new IPEndPoint(Listen.Address, GatewayPort) }.Where(IsInUse)];

    /// <summary>Command-line spelling of each setting.</summary>
    public static readonly Dictionary<string, string> Switches = new()
    {
        ["--cluster-id"] = "ClusterId",
        ["--service-id"] = "ServiceId",
        ["--address"] = "Address",
        ["--silo-port"] = "SiloPort",
        ["--gateway-port"] = "GatewayPort",
        ["--primary"] = "Primary",
        ["--health-url"] = "HealthUrl",
        ["--response-timeout"] = "ResponseTimeout",
    };

    /// <summary>Reads and checks every setting; what is wrong is added to <paramref name="errors"/>, a sentence each, and null is returned.</summary>
    public static SiloSettings? Read(IConfiguration configuration, List<string> errors)
    {
        IPAddress address = Setting(configuration, errors, "Address", "an IP address", text => IPAddress.TryParse(text, out IPAddress? ip) ? ip : null) ?? IPAddress.None;
        int siloPort = Port(configuration, errors, "SiloPort");
        int gatewayPort = Port(configuration, errors, "GatewayPort");
        if (siloPort == gatewayPort && siloPort != 0)
        {
            errors.Add($"SiloPort and GatewayPort are both {siloPort}; they must differ.");
        }

        var listen = new IPEndPoint(address, siloPort);
        var settings = new SiloSettings(
            Name(configuration, errors, "ClusterId"),
            Name(configuration, errors, "ServiceId"),
            listen,
            gatewayPort,
            Setting(configuration, errors, "Primary", "empty or ADDRESS:PORT", text => text.Length == 0 ? listen : EndPoint(text)) ?? listen,
            Setting(configuration, errors, "HealthUrl", "an http URL with a port, as in http://127.0.0.1:8080", Url) ?? new Uri("http://127.0.0.1"),
            Setting<object>(configuration, errors, "ResponseTimeout", "hh:mm:ss, at least one second", Seconds) as TimeSpan? ?? default);
        return errors.Count == 0 ? settings : null;
    }

    private static string Name(IConfiguration configuration, List<string> errors, string key) =>
        Setting(configuration, errors, key, "a name", text => string.IsNullOrWhiteSpace(text) ? null : text) ?? "";

    private static int Port(IConfiguration configuration, List<string> errors, string key) =>
        Setting<object>(configuration, errors, key, "a port, 1 to 65535", text =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= IPEndPoint.MaxPort ? port : null) as int? ?? 0;

    private static T? Setting<T>(IConfiguration configuration, List<string> errors, string key, string expected, Func<string, T?> parse) where T : class
    {
        string text = configuration[key] ?? "";
        T? value = parse(text);
        if (value is null)
        {
            errors.Add($"{key} is \"{text}\"; expected {expected}.");
        }

        return value;
    }

    private static bool IsInUse(IPEndPoint endpoint)
    {
        using var listener = new TcpListener(endpoint);
        try
        {
            listener.Start();
            return false;
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return true;
        }
    }

    private static IPEndPoint? EndPoint(string text) => IPEndPoint.TryParse(text, out IPEndPoint? endpoint) && endpoint.Port != 0 ? endpoint : null;

    private static Uri? Url(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme == Uri.UriSchemeHttp && url.PathAndQuery == "/" ? url : null;

    private static object? Seconds(string text) =>
        TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan time) && time >= TimeSpan.FromSeconds(1) ? time : null;
}
