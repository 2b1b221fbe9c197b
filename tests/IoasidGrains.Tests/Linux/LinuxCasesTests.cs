// One row for each case of the Linux dialects, 54 to 148: in a flow named cases-*, as a comment "# 66: ...", or a test with [Trait("case", "88")].
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

namespace IoasidGrains.Tests.Linux;

public sealed partial class LinuxCasesTests
{
    private const int First = 54, Last = 148;

    [Fact]
    public void EveryCase_OfTheLinuxDialects_HasARow() => Assert.Equal(Enumerable.Range(First, Last - First + 1), InFlows().Concat(OfTests()).Order());

    private static IEnumerable<int> InFlows() => Directory.GetFiles(TestFlows.Folder(), "cases-*.flow").SelectMany(File.ReadLines)
        .Select(line => Comment().Match(line)).Where(match => match.Success).Select(match => Number(match.Groups[1].Value));

    private static IEnumerable<int> OfTests() => typeof(LinuxCasesTests).Assembly.GetTypes().SelectMany(type => type.GetMethods())
        .SelectMany(method => method.GetCustomAttributesData()).Where(attribute => attribute.AttributeType == typeof(TraitAttribute))
        .Select(attribute => attribute.ConstructorArguments).Where(arguments => arguments[0].Value is "case").Select(arguments => Number((string)arguments[1].Value!));

    private static int Number(string digits) => int.Parse(digits, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^# (\d+): ")]
    private static partial Regex Comment();
}
