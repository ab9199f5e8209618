using System.Text;
using Coffer.Workload.Doors;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Workload.Tests.Doors;

public sealed class VaultTokenSinkTests : IDisposable
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
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
        using FileSystemWatcher watcher = new(_folder) { EnableRaisingEvents = true };
        TaskCompletionSource renewed = new();
        watcher.Renamed += (_, _) => renewed.TrySetResult();
        // Time moves until the loop has put its timer on the clock and it fires.
        while (!renewed.Task.IsCompleted)
        {
            _clock.Advance(TimeSpan.FromMinutes(10));
            await Task.WhenAny(renewed.Task, Task.Run(Thread.Yield, TestContext.Current.CancellationToken));
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        }

        Assert.StartsWith("cfs_vault#", await File.ReadAllTextAsync(TokenFile, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.True(_issuer.Asked.Count >= 2);
    }

    [Fact]
    public async Task A_server_that_is_away_at_the_start_stops_nothing()
    {
        _issuer.Failure = new IOException();
        await _sink.WriteAsync(TokenFile, TestContext.Current.CancellationToken);
        Assert.False(File.Exists(TokenFile));
    }
}
