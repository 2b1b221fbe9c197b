// The benchmarks' command line: dotnet run -c Release --project tests/IoasidGrains.Benchmarks -- control [--json]
using IoasidGrains.Benchmarks;

const int WrongUse = 2;

if (args is not (["control"] or ["control", "--json"]))
{
    Console.Error.WriteLine("usage: control [--json]    the control plane: ioctls on one silo and on three, beside a bare grain call");
    return WrongUse;
}

ControlFigures figures = await ControlBenchmark.Run();
Console.Out.Write(args.Length == 2 ? figures.ToJson() : figures.ToTable());
return 0;
