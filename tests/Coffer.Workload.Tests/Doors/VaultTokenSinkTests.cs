using System.Text;
using Coffer.Workload.Doors;
using Coffer.Workload.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Tests.Doors;

public sealed class VaultTokenSinkTests : IDisposable
{
    private readonly ArmedClock _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private readonly StubIssuer _issuer;
    private readonly VaultTokenSink _sink;
    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-sink-").FullName;

    public VaultTokenSinkTests()
    {
        _issuer = new(_clock);
        _sink = new(_issuer.IssueAsync, _clock);
    }

    private string TokenFile => Path.Combine(_folder, "vault-token");

    private string Own => _sink.Variables(TokenFile).Single(v => v.Key == "VAULT_TOKEN").Value;

    public void Dispose()
    {
        _sink.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<(bool Goes, DefaultHttpContext Context, string Body)> ReplaceAsync(string header, string value)
    {
        DefaultHttpContext context = new();
        context.Request.Headers[header] = value;
        using MemoryStream body = new();
        context.Response.Body = body;
        return (await _sink.ReplaceAsync(context), context, Encoding.UTF8.GetString(body.ToArray()));
    }

    /// <summary>Lets the pause that has begun pass, waits until the next one has, and answers how long the first was.</summary>
    private async Task<TimeSpan> PassPauseAsync()
    {
        TimeSpan pause = await _clock.Armed.ReadAsync(TestContext.Current.CancellationToken);
        _clock.Advance(pause);
        Assert.True(await _clock.Armed.WaitToReadAsync(TestContext.Current.CancellationToken));
        return pause;
    }

    [Fact]
    public async Task The_runs_token_is_replaced_on_the_way_and_any_other_goes_as_it_is()
    {
        (bool goes, DefaultHttpContext context, _) = await ReplaceAsync("X-Vault-Token", Own);
        Assert.True(goes);
        Assert.Equal("cfs_vault#1", context.Request.Headers["X-Vault-Token"]);
        (goes, context, _) = await ReplaceAsync("Authorization", "Bearer " + Own);
        Assert.True(goes);
        Assert.Equal("Bearer cfs_vault#1", context.Request.Headers.Authorization);
        foreach (string other in (string[])["hvs.other", "", Own + "x"])
        {
            (goes, context, _) = await ReplaceAsync("X-Vault-Token", other);
            Assert.True(goes);
            Assert.Equal(other, context.Request.Headers["X-Vault-Token"].ToString());
        }

        Assert.Equal(["vault"], _issuer.Asked);
    }

    [Fact]
    public async Task Where_there_is_no_token_the_answer_is_an_error_of_Vaults()
    {
        _issuer.Failure = new WorkloadException("shop-api is disabled", "");
        (bool goes, DefaultHttpContext context, string body) = await ReplaceAsync("X-Vault-Token", Own);
        Assert.False(goes);
        Assert.Equal((403, """{"errors":["shop-api is disabled"]}"""), (context.Response.StatusCode, body));
        _issuer.Failure = new IOException();
        _clock.Advance(TimeSpan.FromSeconds(1));
        (goes, context, _) = await ReplaceAsync("X-Vault-Token", Own);
        Assert.False(goes);
        Assert.Equal(503, context.Response.StatusCode);
    }

    [Fact]
    public async Task The_file_is_the_owners_alone_holds_the_token_and_nothing_else_and_is_gone_at_the_end()
    {
        await _sink.WriteAsync(TokenFile, TestContext.Current.CancellationToken);
        Assert.Equal("cfs_vault#1", await File.ReadAllTextAsync(TokenFile, TestContext.Current.CancellationToken));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(TokenFile));
        _sink.Dispose();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public async Task The_file_is_renewed_before_its_token_ends_with_nobody_asking()
    {
        await _sink.WriteAsync(TokenFile, TestContext.Current.CancellationToken);
        Assert.Equal(TimeSpan.FromMinutes(10), await PassPauseAsync());
        Assert.Equal("cfs_vault#2", await File.ReadAllTextAsync(TokenFile, TestContext.Current.CancellationToken));
        Assert.Equal(["vault", "vault"], _issuer.Asked);
    }

    /// <summary>A disk that is full for a moment: the token is there already, and the file must have it long before the one in it ends.</summary>
    [Fact]
    public async Task A_token_that_could_not_be_written_is_written_soon_and_not_issued_again()
    {
        string inTheWay = Path.Combine(TokenFile + ".next", "x");
        Directory.CreateDirectory(inTheWay);
        await _sink.WriteAsync(TokenFile, TestContext.Current.CancellationToken);
        Assert.False(File.Exists(TokenFile));
        Assert.Equal(TimeSpan.FromSeconds(5), await PassPauseAsync());
        Assert.False(File.Exists(TokenFile));
        Directory.Delete(TokenFile + ".next", recursive: true);

        Assert.Equal(TimeSpan.FromSeconds(5), await PassPauseAsync());

        Assert.Equal("cfs_vault#1", await File.ReadAllTextAsync(TokenFile, TestContext.Current.CancellationToken));
        Assert.Equal(["vault"], _issuer.Asked);
    }

    /// <summary>As a killed process leaves it, or as somebody puts it there.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_lies_where_the_next_token_is_written_is_replaced_and_not_written_through(bool isLink)
    {
        string other = Path.Combine(_folder, "other");
        await File.WriteAllTextAsync(other, "somebody's", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(other, (UnixFileMode)0x1B6);
        if (isLink)
        {
            File.CreateSymbolicLink(TokenFile + ".next", other);
        }
        else
        {
            File.Copy(other, TokenFile + ".next");
        }

        await _sink.WriteAsync(TokenFile, TestContext.Current.CancellationToken);

        Assert.Equal("cfs_vault#1", await File.ReadAllTextAsync(TokenFile, TestContext.Current.CancellationToken));
        Assert.Null(new FileInfo(TokenFile).LinkTarget);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(TokenFile));
        Assert.Equal("somebody's", await File.ReadAllTextAsync(other, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Half_a_token_goes_with_the_rest()
    {
        await _sink.WriteAsync(TokenFile, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(TokenFile + ".next", "cfs_", TestContext.Current.CancellationToken);
        _sink.Dispose();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    /// <summary>On demand as well, since here nobody asks but the file: a server that refuses is not to be asked every few seconds for ever.</summary>
    [Fact]
    public async Task A_refused_renewal_is_tried_again_minutes_later()
    {
        await _sink.WriteAsync(TokenFile, TestContext.Current.CancellationToken);
        _issuer.Failure = new WorkloadException("shop-api is disabled", "");
        List<double> pauses = [];
        for (int i = 0; i < 5; i++)
        {
            pauses.Add((await PassPauseAsync()).TotalMinutes);
        }

        Assert.Equal([10, 1, 2, 4, 5], pauses);
        _issuer.Failure = null;
        Assert.Equal(5, (await PassPauseAsync()).TotalMinutes);
        Assert.Equal("cfs_vault#7", await File.ReadAllTextAsync(TokenFile, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_server_that_refuses_at_the_start_is_not_asked_again()
    {
        _issuer.Failure = new WorkloadException("shop-api is disabled", "");
        WorkloadException refused = await Assert.ThrowsAsync<WorkloadException>(() => _sink.WriteAsync(TokenFile, TestContext.Current.CancellationToken));
        Assert.Equal("shop-api is disabled", refused.Message);
        Assert.False(_clock.Armed.TryRead(out _));
    }

    [Fact]
    public async Task A_server_that_is_away_at_the_start_stops_nothing()
    {
        _issuer.Failure = new IOException();
        await _sink.WriteAsync(TokenFile, TestContext.Current.CancellationToken);
        Assert.False(File.Exists(TokenFile));
    }
}
