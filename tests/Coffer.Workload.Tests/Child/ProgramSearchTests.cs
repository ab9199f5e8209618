using Coffer.Workload.Child;

namespace Coffer.Workload.Tests.Child;

public sealed class ProgramSearchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-path-").FullName;

    public ProgramSearchTests()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "a"));
        Directory.CreateDirectory(Path.Combine(_folder, "b"));
        File.WriteAllText(Path.Combine(_folder, "a", "tool"), "");
        File.WriteAllText(Path.Combine(_folder, "b", "tool"), "");
        File.WriteAllText(Path.Combine(_folder, "a", "notes"), "");
        File.SetUnixFileMode(Path.Combine(_folder, "b", "tool"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Dirs(params string[] names) => string.Join(':', names.Select(n => Path.Combine(_folder, n)));

    [Fact]
    public void The_first_that_can_be_executed_is_found() => Assert.Equal((Path.Combine(_folder, "b", "tool"), 0), ProgramSearch.Find("tool", Dirs("none", "a", "b")));

    [Fact]
    public void One_that_is_there_but_cannot_be_executed_is_126() => Assert.Equal((null, 126), ProgramSearch.Find("notes", Dirs("a", "b")));

    [Fact]
    public void None_is_127()
    {
        Assert.Equal((null, 127), ProgramSearch.Find("no-such-tool", Dirs("a", "b")));
        Assert.Equal((null, 127), ProgramSearch.Find(Path.Combine(_folder, "no-such-tool"), "/bin"));
    }

    [Fact]
    public void A_path_is_not_looked_for() => Assert.Equal((Path.Combine(_folder, "b", "tool"), 0), ProgramSearch.Find(Path.Combine(_folder, "b", "tool"), "/bin"));

    [Fact]
    public void A_folder_is_no_program() => Assert.Equal((null, 127), ProgramSearch.Find("a", _folder));
}
