// What can be configured of a silo, read from appsettings.json, the environment and the command line. Used by Program.
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using IoasidGrains.Uapi;

namespace IoasidGrains.Silo;

/// <summary>The settings of one silo, all of them valid.</summary>
/// <param name="Listen">Address and port that other silos reach it at.</param>
/// <param name="GatewayPort">Port that clients reach it at, on the same address.</param>
/// <param name="Primary">The silo that keeps the membership of the cluster (development clustering); itself if it is the first.</param>
/// <param name="HealthUrl">Where <c>/health/live</c> and <c>/health/ready</c> answer.</param>
/// <param name="ResponseTimeout">After this long the answer of a call between silos counts as lost.</param>
/// <param name="PageTableMemory">Bytes that all page tables of this silo may take; null: half of what the process may use.</param>
/// <param name="MoveDevices">A device moves to the silo of the fd that binds it.</param>
internal sealed record SiloSettings(
    string ClusterId, string ServiceId, IPEndPoint Listen, int GatewayPort, IPEndPoint Primary, Uri HealthUrl, TimeSpan ResponseTimeout,
    long? PageTableMemory, bool MoveDevices)
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
        ["--page-table-memory"] = "PageTableMemory",
        ["--move-devices"] = "MoveDevices",
    };

    /// <summary>Reads and checks every setting; what is wrong is added to <paramref name="errors"/>, a sentence each, and null is returned.</summary>
    public static SiloSettings? Read(IConfiguration configuration, List<string> errors)
    {
        var reader = new SettingReader(configuration, errors);
        string clusterId = reader.Read<string>("ClusterId", "a name", IsName, "");
        string serviceId = reader.Read<string>("ServiceId", "a name", IsName, "");
        IPAddress address = reader.Read<IPAddress?>("Address", "an IP address", IPAddress.TryParse, null) ?? IPAddress.None;
        int siloPort = reader.Read<int>("SiloPort", "a port, 1 to 65535", IsPort, 0);
        int gatewayPort = reader.Read<int>("GatewayPort", "a port, 1 to 65535", IsPort, 0);
        var listen = new IPEndPoint(address, siloPort);
        IPEndPoint? primary = reader.Read<IPEndPoint?>("Primary", "empty or ADDRESS:PORT", IsPrimary, null);
        Uri? health = reader.Read<Uri?>("HealthUrl", "an http URL with a port, as in http://127.0.0.1:8080", IsUrl, null);
        TimeSpan timeout = reader.Read<TimeSpan>("ResponseTimeout", "hh:mm:ss, at least one second", IsTimeout, default);
        long? tables = reader.Read<long?>("PageTableMemory", "empty or a size, as in 4GiB, at least 2MiB", IsMemory, null);
        bool moves = reader.Read<bool>("MoveDevices", "true or false", bool.TryParse, true);
        if (siloPort == gatewayPort && siloPort != 0)
        {
            errors.Add($"SiloPort and GatewayPort are both {siloPort}; they must differ.");
        }

        return errors.Count != 0 || health is null ? null
            : new SiloSettings(clusterId, serviceId, listen, gatewayPort, primary ?? listen, health, timeout, tables, moves);
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

    private static bool IsName(string text, out string name)
    {
        name = text;
        return !string.IsNullOrWhiteSpace(text);
    }

    private static bool IsPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and <= IPEndPoint.MaxPort;

    private static bool IsPrimary(string text, out IPEndPoint? endpoint)
    {
        endpoint = null;
        return text.Length == 0 || (IPEndPoint.TryParse(text, out endpoint) && endpoint.Port != 0);
    }

    private static bool IsUrl(string text, out Uri? url) =>
        Uri.TryCreate(text, UriKind.Absolute, out url) && url.Scheme == Uri.UriSchemeHttp && url.PathAndQuery == "/";

    private static bool IsMemory(string text, out long? bytes)
    {
        bool isSize = Quantity.TryParse(text, out ulong value) && value is >= 2UL << 20 and <= long.MaxValue;
        bytes = isSize ? (long)value : null;
        return isSize || text.Length == 0;
    }

    private static bool IsTimeout(string text, out TimeSpan time) =>
        TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out time) && time >= TimeSpan.FromSeconds(1);
}
