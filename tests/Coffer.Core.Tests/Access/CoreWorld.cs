using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Coffer.Core.Tests.Access;

/// <summary>A running core over the reference store; <c>root</c> administers the server. Time stands still until a test moves it.</summary>
internal sealed class CoreWorld : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-core-").FullName;

    private CoreWorld()
    {
    }

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    public MemorySeal Seal { get; } = new();

    public string AuditFolder => Path.Combine(_folder, "audit");

    public InMemoryStore Store { get; } = new();

    public CofferCore Core { get; private set; } = null!;

    public Caller Root { get; private set; } = null!;

    public AdminService Admin => Core.Admin;

    public SecretService Secrets => Core.Secrets;

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public static Task<CoreWorld> StartAsync(params ITrustVerifier[] verifiers) => StartAsync(null, verifiers);

    public static async Task<CoreWorld> StartAsync(Coffer.Core.Rotations.IRotationFunctions? functions, params ITrustVerifier[] verifiers)
    {
        CoreWorld world = new();
        world.Core = new(new() { Store = world.Store, AuditDirectory = Path.Combine(world._folder, "audit"), Clock = world.Clock, Verifiers = [.. verifiers], Functions = functions });
        await world.Core.Seals.InitializeAsync(world.Seal, Token);
        await world.Core.StartAsync(Token);
        await world.Core.BootstrapAsync(PrincipalName.Parse("root"), 0, Token);
        world.Root = world.As("root");
        return world;
    }

    /// <summary>The caller that a principal is, with nothing but its name proven.</summary>
    public Caller As(string name) => new()
    {
        Principal = Core.Access.PrincipalsByName[PrincipalName.Parse(name)],
        Credential = "test",
        Dialect = "test",
        WireOperation = "test",
        RequestId = Guid.NewGuid().ToString("D"),
    };

    public async Task<Caller> NewAsync(string name, PrincipalKind kind = PrincipalKind.Person, string? home = null, params string[] groups)
    {
        await Admin.CreatePrincipalAsync(Root, PrincipalName.Parse(name), kind, home is null ? null : VaultName.Parse(home), "", Token);
        foreach (string group in groups)
        {
            await Admin.EditGroupAsync(Root, PrincipalName.Parse(group), [PrincipalName.Parse(name)], [], Token);
        }

        return As(name);
    }

    public Task<GrantEntry> GrantAsync(string principal, CofferActions actions, string vault, string names = "*", bool allow = true) =>
        Admin.CreateGrantAsync(Root, PrincipalName.Parse(principal), false, new() { Allow = allow, Actions = actions, Vault = VaultName.Parse(vault), Names = names }, Token).AsTask();

    public async Task<int> WriteAsync(Caller caller, string path, string text)
    {
        using SecretValue value = SecretValue.Copy(System.Text.Encoding.UTF8.GetBytes(text));
        return (await Secrets.AddVersionAsync(caller, PathOf(path), new() { Value = value, Kind = ValueKind.Text }, createIfMissing: true, Token)).Version!.Number;
    }

    public async Task<string> ReadAsync(Caller caller, string path)
    {
        using SecretReading reading = await Secrets.GetValueAsync(caller, PathOf(path), VersionSelector.Current, Token);
        return System.Text.Encoding.UTF8.GetString(reading.Value.Span);
    }

    /// <summary>The code that a call is refused with.</summary>
    public static async Task<CofferError> RefusedAsync(Func<Task> call) => (await Assert.ThrowsAsync<CofferException>(call)).Error;

    public static SecretPath PathOf(string path) => new(VaultName.Parse(path[..path.IndexOf('/', StringComparison.Ordinal)]), SecretName.Parse(path[(path.IndexOf('/', StringComparison.Ordinal) + 1)..]));

    public async ValueTask DisposeAsync()
    {
        await Core.DisposeAsync();
        await Store.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
