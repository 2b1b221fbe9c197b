// The kernel's own headers, from Debian's package linux-source-6.12, and what a C program that includes them prints; used by HeaderTests.
using System.Diagnostics;

namespace IoasidGrains.Tests.Linux;

/// <summary>A test that needs the headers, gcc, tar and xz; skipped, and says why, where one is absent.</summary>
public sealed class KernelHeadersFactAttribute : FactAttribute
{
    public KernelHeadersFactAttribute() => Skip = KernelHeaders.Missing;
}

/// <summary>Headers in a temporary directory, as long as the tests of the class run.</summary>
public sealed class KernelHeaders : IDisposable
{
    private const string Release = "linux-source-6.12";

    /// <summary>What is taken from the source, and where programs find it.</summary>
    private static readonly (string Source, string Included)[] Files =
    [
        ("include/uapi/linux/iommufd.h", "linux/iommufd.h"),
        ("include/uapi/linux/vfio.h", "linux/vfio.h"),
        ("include/uapi/linux/kvm.h", "linux/kvm.h"),
        ("include/uapi/linux/bits.h", "linux/bits.h"),
        ("arch/x86/include/uapi/asm/kvm.h", "asm/kvm.h"),
        ("drivers/iommu/iommufd/iommufd_test.h", "iommufd_test.h"),
    ];

    /// <summary>A directory or an archive.</summary>
    private static readonly string? Source = new[] { Environment.GetEnvironmentVariable("IOASID_LINUX_SOURCE"), $"/usr/src/{Release}.tar.xz", $"/usr/src/{Release}" }
        .FirstOrDefault(path => File.Exists(path) || Directory.Exists(path));

    /// <summary>Why there are none; null if there are.</summary>
    public static readonly string? Missing =
        Source is null ? $"no kernel source: the package {Release} is not installed, and IOASID_LINUX_SOURCE names none"
        : new[] { "gcc", "tar", "xz" }.FirstOrDefault(tool => !IsInstalled(tool)) is { } tool ? $"{tool} is not installed"
        : Directory.Exists(Source) && Files.FirstOrDefault(file => !File.Exists(Path.Combine(Source, file.Source))).Source is { } absent ? $"{Source} has no {absent}"
        : File.Exists("/usr/include/linux/types.h") ? null : "the C library's headers are not installed";

    private readonly string _folder = Directory.CreateTempSubdirectory("ioasid-headers-").FullName;

    public KernelHeaders()
    {
        if (Missing is null)
        {
            Unpack();
        }
    }

    /// <summary>The lines that the program prints. It is the body of main(), and includes all the headers.</summary>
    public string[] Run(IEnumerable<string> body)
    {
        string source = Path.Combine(_folder, "facts.c"), program = Path.Combine(_folder, "facts");
        string[] includes = ["stddef.h", "stdio.h", "linux/iommufd.h", "linux/vfio.h", "linux/kvm.h", "iommufd_test.h"];
        File.WriteAllLines(source, [.. includes.Select(file => $"#include <{file}>"), "int main(void) {", .. body, "return 0; }"]);
        Start("gcc", "-w", "-D__user=", "-I", _folder, source, "-o", program);
        return Start(program).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>The text of a header.</summary>
    public string Text(string included) => File.ReadAllText(Path.Combine(_folder, included));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Unpack()
    {
        string root = Source!;
        if (File.Exists(Source))
        {
            Start("tar", ["-xJf", Source, "-C", _folder, "--occurrence=1", .. Files.Select(file => $"{Release}/{file.Source}")]);
            root = Path.Combine(_folder, Release);
        }

        foreach ((string file, string included) in Files)
        {
            string to = Path.Combine(_folder, included);
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(Path.Combine(root, file), to);
        }

        // The installed headers do without this one; what it defines for others is nothing to a program.
        File.WriteAllText(Path.Combine(_folder, "linux/compiler.h"), "");
    }

    private static bool IsInstalled(string tool) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => folder.Length > 0 && File.Exists(Path.Combine(folder, tool)));

    private static string Start(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {errors.Result}");
        return output;
    }
}
