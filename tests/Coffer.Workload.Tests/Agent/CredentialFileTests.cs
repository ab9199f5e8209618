using System.Text;
using Coffer.Workload.Agent;
using Coffer.Workload.Child;
using Coffer.Workload.Tests.Support;

namespace Coffer.Workload.Tests.Agent;

public sealed class CredentialFileTests : IDisposable
{
    private const string Token = "cft_abcdefghijkl";

    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-credential-").FullName;

    private string File => Path.Combine(_folder, "token");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Write(string text, int mode)
    {
        System.IO.File.WriteAllText(File, text);
        System.IO.File.SetUnixFileMode(File, (UnixFileMode)mode);
    }

    private CredentialFile Loaded(string name = "token") => CredentialFile.FromSystemd(name, n => n == "CREDENTIALS_DIRECTORY" ? _folder : null);

    private static string Text(CredentialFile file) => Encoding.ASCII.GetString(file.Read());

    [Theory]
    [InlineData("600")]
    [InlineData("400")]
    public void A_file_of_its_owners_alone_is_read_without_the_white_space_around(string mode)
    {
        Write($"  {Token}\r\n", Convert.ToInt32(mode, 8));
        Assert.Equal(Token, Text(CredentialFile.Private(File)));
        Assert.Equal(Token, Text(Loaded()));
    }

    [Theory]
    [InlineData("640", true)]
    [InlineData("604", false)]
    [InlineData("660", true)]
    [InlineData("666", false)]
    public void A_file_that_is_open_to_others_is_refused_and_not_quoted(string mode, bool isAccessListOfSystemd)
    {
        Write(Token, Convert.ToInt32(mode, 8));
        WorkloadException refused = Assert.Throws<WorkloadException>(() => CredentialFile.Private(File).Read());
        Assert.Contains("open to others", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Token, refused.Message + refused.Hint, StringComparison.Ordinal);
        Assert.True(isAccessListOfSystemd ? Text(Loaded()) == Token : Assert.Throws<WorkloadException>(() => Loaded().Read()) is not null);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n")]
    [InlineData("two words")]
    [InlineData("tok\0en")]
    [InlineData("tökén")]
    public void What_is_no_token_is_refused(string text)
    {
        Write(text, 0x180);
        Assert.Contains("holds no token", Assert.Throws<WorkloadException>(() => CredentialFile.Private(File).Read()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_too_long_is_refused()
    {
        Write(new string('x', 20_000), 0x180);
        Assert.Contains("too long", Assert.Throws<WorkloadException>(() => CredentialFile.Private(File).Read()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_is_refused_but_where_Kubernetes_makes_them()
    {
        Write(Token, 0x180);
        string link = Path.Combine(_folder, "link");
        System.IO.File.CreateSymbolicLink(link, File);
        Assert.Contains("regular file", Assert.Throws<WorkloadException>(() => CredentialFile.Private(link).Read()).Message, StringComparison.Ordinal);
        Assert.Contains("regular file", Assert.Throws<WorkloadException>(() => Loaded("link").Read()).Message, StringComparison.Ordinal);
        Assert.Equal(Token, Text(CredentialFile.Projected(link)));
    }

    /// <summary>Whoever changes the name in between changes nothing: what was looked at is what is read.</summary>
    [Fact]
    public void The_status_of_an_open_file_is_its_own_and_not_that_of_its_name()
    {
        Write(Token, 0x180);
        using Microsoft.Win32.SafeHandles.SafeFileHandle open = FileStatus.Open(File, followsLinks: false, out _)!;
        System.IO.File.Delete(File);
        Directory.CreateDirectory(File);
        FileStatus status = FileStatus.Of(open)!;
        Assert.Equal((FileStatus.Regular, (UnixFileMode)0x180), (status.Type, status.Mode));
        Assert.Equal(FileStatus.Directory, FileStatus.Of(File)!.Type);
    }

    [Fact]
    public async Task A_pipe_keeps_nobody_waiting()
    {
        Assert.Equal(0, (await Programs.RunAsync("/usr/bin/mkfifo", ["-m", "600", File], new Dictionary<string, string>())).Exit);
        foreach (CredentialFile file in (CredentialFile[])[CredentialFile.Private(File), CredentialFile.Projected(File)])
        {
            Assert.Contains("regular file", Assert.Throws<WorkloadException>(() => file.Read()).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_projected_token_is_read_anew_each_time_and_never_from_a_file_that_others_write()
    {
        Write("first", 0x1A4);
        CredentialFile file = CredentialFile.Projected(File);
        Assert.Equal("first", Text(file));
        Write("second", 0x1A4);
        Assert.Equal("second", Text(file));
        Write("third", 0x1B6);
        Assert.Throws<WorkloadException>(() => file.Read());
    }

    [Fact]
    public void Another_users_file_is_refused()
    {
        Assert.True(FileStatus.CurrentUser() == 0, "only root can make another user's file: run the tests as root, as CI does");
        Write(Token, 0x180);
        FileStatus.Give(File, OtherUser.Stranger);
        Assert.Contains("another user", Assert.Throws<WorkloadException>(() => CredentialFile.Private(File).Read()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_files_folders_and_pipes_are_told_apart_from_tokens()
    {
        Assert.Contains("not there", Assert.Throws<WorkloadException>(() => CredentialFile.Private(Path.Combine(_folder, "none")).Read()).Message, StringComparison.Ordinal);
        Assert.Contains("regular file", Assert.Throws<WorkloadException>(() => CredentialFile.Private(_folder).Read()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../token")]
    [InlineData("/etc/passwd")]
    [InlineData("..")]
    [InlineData("")]
    public void A_credentials_name_is_a_name(string name) => Assert.Throws<WorkloadException>(() => Loaded(name));

    [Fact]
    public void Outside_a_service_there_is_no_credential() =>
        Assert.Contains("CREDENTIALS_DIRECTORY", Assert.Throws<WorkloadException>(() => CredentialFile.FromSystemd("token", _ => null)).Message, StringComparison.Ordinal);
}
