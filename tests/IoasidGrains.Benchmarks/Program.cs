// The benchmarks' command line: dotnet run -c Release --project tests/IoasidGrains.Benchmarks -- control|targets …
using IoasidGrains.Benchmarks;

const int WrongUse = 2;

if (args is ["control"] or ["control", "--json"])
{
    ControlFigures figures = await ControlBenchmark.Run();
    Console.Out.Write(args.Length == 2 ? figures.ToJson() : figures.ToTable());
    return 0;
}

if (args is ["targets", ..] && BenchSettings.TryParse(args.AsSpan(1)) is BenchSettings settings)
{
    TargetReport report = await TargetsBenchmark.Run(settings);
    Console.Out.Write(report.ToTable());
    Console.Out.Write(settings.Json ? report.ToJson() : "");
    return 0;
}

Console.Error.WriteLine("""
    usage: control [--json]                               the control plane: ioctls on one silo and on three, beside a bare grain call
           targets [--json] [--only T1,T7] [--quick]      the page table: T1 to T18, beside C and beside other structures; about five minutes
    """);
return WrongUse;
