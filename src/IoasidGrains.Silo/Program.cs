// The silo process. Exit codes: 0 stopped as asked, 1 could not start or failed, 2 a setting is wrong.
using IoasidGrains.Grains;
using IoasidGrains.Silo;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Orleans.Configuration;

const int CouldNotRun = 1;
const int WrongSetting = 2;

WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
List<string> errors = [];
SiloSettings? settings = Configure(builder.Configuration, args, errors);
if (settings is null)
{
    errors.ForEach(error => Console.Error.WriteLine($"ioasid-silo: {error}"));
    return WrongSetting;
}

if (settings.PortsInUse is { Length: > 0 } ports)
{
    Console.Error.WriteLine($"ioasid-silo: in use already: {string.Join(", ", ports)}.");
    return CouldNotRun;
}

builder.Logging.ClearProviders().AddConsole();
builder.WebHost.UseUrls(settings.HealthUrl.ToString());
builder.Services.AddHealthChecks().AddCheck<ClusterMembership>("cluster");
builder.UseOrleans(silo => silo
    .UseDevelopmentClustering(settings.Primary)
    .ConfigureEndpoints(settings.Listen.Address, settings.Listen.Port, settings.GatewayPort)
    .Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (settings.ClusterId, settings.ServiceId))
    .UseFastFailureDetection(settings.ResponseTimeout)
    .Configure<DmaOptions>(options => (options.PageTableMemory, options.MoveDevices) = (settings.PageTableMemory ?? options.PageTableMemory, settings.MoveDevices))
    .AddIoasidGrains());

await using WebApplication app = builder.Build();
app.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false });
app.MapHealthChecks("/health/ready");
app.Lifetime.ApplicationStarted.Register(() => app.Logger.LogInformation(
    "Silo {Silo} of cluster {Cluster} is ready; gateway port {GatewayPort}, health at {HealthUrl}.",
    settings.Listen, settings.ClusterId, settings.GatewayPort, settings.HealthUrl));
try
{
    await app.RunAsync();
    return 0;
}
catch (Exception exception)
{
    Console.Error.WriteLine($"ioasid-silo: {exception.GetBaseException().Message}");
    return CouldNotRun;
}

// Later sources win: appsettings.json, the environment, the environment with our prefix, the command line.
static SiloSettings? Configure(ConfigurationManager configuration, string[] args, List<string> errors)
{
    try
    {
        configuration.AddEnvironmentVariables("IOASID_").AddCommandLine(args, SiloSettings.Switches);
        return SiloSettings.Read(configuration, errors);
    }
    catch (FormatException wrongSwitch)
    {
        errors.Add(wrongSwitch.Message);
        return null;
    }
}
