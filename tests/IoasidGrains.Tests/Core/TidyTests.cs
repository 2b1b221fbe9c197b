// The laws of the house, executed.
using System.Reflection;
using System.Runtime.CompilerServices;
using IoasidGrains.Contracts;
using IoasidGrains.Core;
using IoasidGrains.Flows;
using IoasidGrains.Grains;
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

public sealed class TidyTests
{
    /// <summary>Which of our assemblies each may refer to; and only some may refer to Orleans at all.</summary>
    [Theory]
    [InlineData(typeof(Errno), "", "Orleans.Serialization.Abstractions Orleans.Serialization Orleans.Core.Abstractions")]
    [InlineData(typeof(IIoPageTable), "IoasidGrains.Uapi", "")]
    [InlineData(typeof(Flow), "IoasidGrains.Uapi", "")]
    [InlineData(typeof(ClusterUapi), "IoasidGrains.Uapi", "*")]
    [InlineData(typeof(Machine), "IoasidGrains.Uapi IoasidGrains.PageTable", "")]
    [InlineData(typeof(EmbeddedSilo), "IoasidGrains.Uapi IoasidGrains.Contracts IoasidGrains.Core", "*")]
    [InlineData(typeof(IoasidGrains.Console.FlowScript), "IoasidGrains.Uapi IoasidGrains.Flows IoasidGrains.Core IoasidGrains.Contracts IoasidGrains.Grains", "*")]
    public void Assembly_RefersOnlyDownward(Type inside, string ours, string orleans)
    {
        AssemblyName[] references = inside.Assembly.GetReferencedAssemblies();
        Assert.Empty(references.Select(name => name.Name!).Where(name => name.StartsWith("IoasidGrains.")).Except(ours.Split(' ')));
        if (orleans != "*")
        {
            Assert.Empty(references.Select(name => name.Name!).Where(name => name.Contains("Orleans")).Except(orleans.Split(' ')));
        }
    }

    [Fact]
    public void SourceFile_OpensWithWhatItIs_AndIsNotTooLong()
    {
        string[] broken = [.. from file in Sources()
                              let lines = File.ReadAllLines(file)
                              where lines.Length > 400 || (!lines[0].StartsWith("//") && !lines[0].StartsWith("global using"))
                              select $"{file} ({lines.Length} lines) opens with '{lines[0]}'"];
        Assert.Empty(broken);
    }

    [Fact]
    public void TypeName_SaysWhatTheTypeIs()
    {
        string[] empty = ["Manager", "Helper", "Util", "Utils", "Common", "Base", "Service", "Data", "Processor"];
        Assembly[] assemblies = [typeof(Errno).Assembly, typeof(IIoPageTable).Assembly, typeof(Flow).Assembly, typeof(ClusterUapi).Assembly,
            typeof(Machine).Assembly, typeof(EmbeddedSilo).Assembly, typeof(IoasidGrains.Console.FlowScript).Assembly];
        Assert.Empty(assemblies.SelectMany(assembly => assembly.GetTypes())
            .Where(type => type.Namespace?.StartsWith("IoasidGrains") == true && empty.Any(word => type.Name.EndsWith(word, StringComparison.Ordinal)))
            .Select(type => type.FullName));
    }

    [Fact]
    public void ConcreteClass_IsSealed()
    {
        Assembly[] assemblies = [typeof(IIoPageTable).Assembly, typeof(Flow).Assembly, typeof(Machine).Assembly, typeof(EmbeddedSilo).Assembly];
        Assert.Empty(assemblies.SelectMany(assembly => assembly.GetTypes())
            .Where(type => type is { IsClass: true, IsAbstract: false, IsSealed: false } && type.Namespace?.StartsWith("IoasidGrains.") == true
                && !type.Namespace.Contains("OrleansCodeGen") && type.GetCustomAttribute<CompilerGeneratedAttribute>() is null)
            .Select(type => type.FullName));
    }

    [Fact]
    public void UpwardOrSidewaysCall_IsRefused()
    {
        ObjectId[] ids = [new FdId("h/fd1").Object, new IoasidId(new FdId("h/fd1"), new(2)).Object, new VmId("h/vm1").Object, new UnitId("h/u").Object,
            new DeviceId("h/d").Object, new PageTableId(new IoasidId(new FdId("h/fd1"), new(2)), 0).Object, new VmId("h/vm1").Memory.Object];
        foreach ((ObjectId from, int i) in ids.Select((id, index) => (id, index)))
        {
            foreach ((ObjectId to, int j) in ids.Select((id, index) => (id, index)))
            {
                Assert.Equal(j > i, ObjectId.MayCall(from, to));
            }
        }

        ObjectId parent = new IoasidId(new FdId("h/fd1"), new(1)).Object;
        Assert.True(ObjectId.MayCall(ids[1], parent));
        Assert.False(ObjectId.MayCall(parent, ids[1]));
    }

    private static IEnumerable<string> Sources([CallerFilePath] string here = "")
    {
        string root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
        char slash = Path.DirectorySeparatorChar;
        return new[] { "src", "tests" }.SelectMany(folder => Directory.GetFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains($"{slash}obj{slash}") && !file.Contains($"{slash}bin{slash}"));
    }
}
