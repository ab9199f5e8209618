using System.Diagnostics;
using System.Runtime.Versioning;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Sealing;

[UnsupportedOSPlatform("windows")]
public sealed class KeyFileSealTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coffer-key-file-");

    private string File1 => Path.Combine(_folder.FullName, "seal.key");

    private string New => File1 + ".new";

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_new_key_waits_beside_until_the_store_needs_it()
    {
        KeyFileSeal seal = new(File1);

        (SealParameters parameters, SecretValue key) = seal.Create(null);
        using SecretValue made = key;

        Assert.False(File.Exists(File1));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(New));
        Assert.Equal(32, new FileInfo(New).Length);

        seal.Settle(parameters);

        Assert.False(File.Exists(New));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(File1));
        using SecretValue opened = new KeyFileSeal(File1).Open(parameters);
        Assert.True(made.FixedTimeEquals(opened));
    }

    [Fact]
    public void A_rename_that_a_crash_prevented_is_finished_at_the_next_start()
    {
        (SealParameters parameters, SecretValue key) = new KeyFileSeal(File1).Create(null);
        using SecretValue made = key;

        using SecretValue opened = new KeyFileSeal(File1).Open(parameters);

        Assert.True(made.FixedTimeEquals(opened));
        Assert.True(File.Exists(File1));
        Assert.False(File.Exists(New));
    }

    [Fact]
    public void A_new_key_that_no_store_took_is_removed_at_the_next_start()
    {
        SealParameters parameters = Settled(File1);
        new KeyFileSeal(File1).Create(parameters).Key.Dispose();
        Assert.True(File.Exists(New));

        new KeyFileSeal(File1).Open(parameters).Dispose();

        Assert.False(File.Exists(New));
    }

    [Fact]
    public void A_new_key_of_unknown_use_is_neither_removed_nor_replaced()
    {
        SealParameters parameters = Settled(File1);
        byte[] left = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
        WriteFile(New, left);
        SealParameters other = new() { Type = KeyFileSeal.TypeName, KeyFingerprint = "0011223344556677" };

        Assert.Equal(SealRefusal.Wrong, Refusal(() => new KeyFileSeal(File1).Open(other)));
        Assert.Equal(SealRefusal.Occupied, Refusal(() => new KeyFileSeal(File1).Create(other).Key));
        Assert.Equal(left, File.ReadAllBytes(New));

        File.Delete(File1);
        using (SecretValue taken = new KeyFileSeal(File1).Create(null).Key)
        {
            Assert.Equal(left, taken.Span);
        }

        Assert.NotNull(parameters);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(-32)]
    public void A_new_key_that_a_crash_cut_short_is_drawn_again(int length)
    {
        WriteFile(New, length < 0 ? new byte[-length] : [.. Enumerable.Repeat((byte)7, length)]);

        using SecretValue key = new KeyFileSeal(File1).Create(null).Key;

        Assert.True(key.Span.ContainsAnyExcept((byte)0, (byte)7));
        Assert.Equal(key.Span, File.ReadAllBytes(New));
    }

    [Fact]
    public void A_key_file_of_another_store_is_never_replaced()
    {
        byte[] foreign = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
        WriteFile(File1, foreign);

        Assert.Equal(SealRefusal.Occupied, Refusal(() => new KeyFileSeal(File1).Create(null).Key));
        Assert.Equal(SealRefusal.Occupied, Refusal(() => new KeyFileSeal(File1).Create(new() { Type = "passphrase", KeyFingerprint = "0011223344556677" }).Key));

        Assert.Equal(foreign, File.ReadAllBytes(File1));
        Assert.False(File.Exists(New));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    [InlineData(UnixFileMode.OtherExecute)]
    public void A_file_that_others_may_use_is_refused(UnixFileMode more)
    {
        SealParameters parameters = Settled(File1);
        File.SetUnixFileMode(File1, UnixFileMode.UserRead | UnixFileMode.UserWrite | more);

        Assert.Equal(SealRefusal.Unsafe, Refusal(() => new KeyFileSeal(File1).Open(parameters)));
    }

    [Fact]
    public void A_file_of_another_user_is_refused()
    {
        Settled(File1);

        Assert.Equal(SealRefusal.Unsafe, Refusal(() => KeyFile.Read(File1, user: 4_000_000_000)!));
        using SecretValue own = KeyFile.Read(File1)!;
        Assert.Equal(32, own.Length);
    }

    [Fact]
    public void A_link_is_refused_even_to_a_sound_key()
    {
        string real = Path.Combine(_folder.FullName, "real.key");
        SealParameters parameters = Settled(real);
        File.CreateSymbolicLink(File1, real);

        Assert.Equal(SealRefusal.Unsafe, Refusal(() => new KeyFileSeal(File1).Open(parameters)));
        File.Delete(File1);
        File.CreateSymbolicLink(File1, Path.Combine(_folder.FullName, "nowhere"));
        Assert.Equal(SealRefusal.Unsafe, Refusal(() => new KeyFileSeal(File1).Create(null).Key));
        File.Delete(File1);
        File.CreateSymbolicLink(New, real);
        Assert.Equal(SealRefusal.Unsafe, Refusal(() => new KeyFileSeal(File1).Create(null).Key));
        Assert.True(File.Exists(real));
    }

    [Fact]
    public void What_is_no_regular_file_is_refused_without_waiting()
    {
        using (Process make = Process.Start("mkfifo", ["-m", "600", File1]))
        {
            make.WaitForExit();
            Assert.Equal(0, make.ExitCode);
        }

        SealParameters parameters = new() { Type = KeyFileSeal.TypeName, KeyFingerprint = "" };

        Assert.Equal(SealRefusal.Unusable, Refusal(() => new KeyFileSeal(File1).Open(parameters)));
        File.Delete(File1);
        Directory.CreateDirectory(File1, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal(SealRefusal.Unusable, Refusal(() => new KeyFileSeal(File1).Open(parameters)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(5000)]
    public void A_file_of_another_length_is_refused(int length)
    {
        WriteFile(File1, [.. Enumerable.Repeat((byte)9, length)]);

        Assert.Equal(SealRefusal.Unusable, Refusal(() => new KeyFileSeal(File1).Open(new() { Type = KeyFileSeal.TypeName, KeyFingerprint = "" })));
    }

    [Fact]
    public void A_missing_file_and_another_type_say_so()
    {
        Assert.Equal(SealRefusal.Missing, Refusal(() => new KeyFileSeal(File1).Open(new() { Type = KeyFileSeal.TypeName, KeyFingerprint = "" })));
        Assert.Equal(SealRefusal.Missing, Refusal(() => new KeyFileSeal(Path.Combine(_folder.FullName, "no", "folder")).Open(new() { Type = KeyFileSeal.TypeName, KeyFingerprint = "" })));
        Assert.Equal(SealRefusal.OtherType, Refusal(() => new KeyFileSeal(File1).Open(new() { Type = "shamir", KeyFingerprint = "" })));
        Assert.Equal(SealRefusal.Unusable, Refusal(() => new KeyFileSeal(Path.Combine(_folder.FullName, "no", "folder")).Create(null).Key));
    }

    private static SealRefusal Refusal(Func<SecretValue> action) => Assert.Throws<SealRefusedException>(() => action().Dispose()).Reason;

    private static SealParameters Settled(string file)
    {
        KeyFileSeal seal = new(file);
        (SealParameters parameters, SecretValue key) = seal.Create(null);
        key.Dispose();
        seal.Settle(parameters);
        return parameters;
    }

    private static void WriteFile(string file, byte[] content)
    {
        using FileStream stream = new(file, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
        stream.Write(content);
    }
}
