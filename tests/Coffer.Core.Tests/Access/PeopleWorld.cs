using System.Net;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Access.People;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Coffer.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Coffer.Core.Tests.Access;

/// <summary>
/// A core whose time stands still. <c>root</c> administers, <c>alice</c> and <c>bob</c> are people, <c>app</c> is a workload. Hashing
/// is counted and cheap: what Argon2id itself does is for its library's tests.
/// </summary>
internal sealed class PeopleWorld : IAsyncDisposable
{
    public const string Password = "correct zebra, wired lamp";

    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-people-").FullName;
    private readonly List<Argon2Parameters> _hashes = [];
    private int _request;

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    public InMemoryStore Store { get; } = new();

    public CofferCore Core { get; private set; } = null!;

    public Caller Root { get; private set; } = null!;

    public IPAddress Address { get; set; } = IPAddress.Parse("192.0.2.7");

    /// <summary>Set by a test that wants to look in while a hash runs.</summary>
    public Action? WhileHashing { get; set; }

    public ITrustVerifier? Verifier { get; init; }

    public IReadOnlyList<Argon2Parameters> Hashes
    {
        get
        {
            lock (_hashes)
            {
                return [.. _hashes];
            }
        }
    }

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<PeopleWorld> StartAsync(ITrustVerifier? verifier = null)
    {
        PeopleWorld world = new() { Verifier = verifier };
        world.Core = world.Make();
        await world.Core.Seals.InitializeAsync(world.Seal, Cancellation);
        await world.Core.StartAsync(Cancellation);
        await world.Core.BootstrapAsync(PrincipalName.Parse("root"), 1000, Cancellation);
        world.Root = world.Caller("root", "local-1000");
        foreach ((string name, PrincipalKind kind) in new[] { ("alice", PrincipalKind.Person), ("bob", PrincipalKind.Person), ("app", PrincipalKind.Workload) })
        {
            await world.Core.Admin.CreatePrincipalAsync(world.Root, PrincipalName.Parse(name), kind, null, "", Cancellation);
        }

        return world;
    }

    public MemorySeal Seal { get; } = new();

    /// <summary>The process ends and another begins over the same store.</summary>
    public async Task RestartAsync()
    {
        await Core.DisposeAsync();
        Core = Make();
        await Core.Seals.UnsealAsync(Seal, Cancellation);
        await Core.StartAsync(Cancellation);
    }

    public LoginContext From(IPAddress? address = null) => new("test", "login", $"r-{++_request}", address ?? Address, null);

    public Caller Caller(string principal, string credential) => new()
    {
        Principal = Core.Access.PrincipalsByName[PrincipalName.Parse(principal)],
        Credential = credential,
        Dialect = "test",
        WireOperation = "op",
        RequestId = $"r-{++_request}",
        Address = Address,
    };

    public async Task<Caller> InviteAndLoginAsync(string name, string password = Password)
    {
        await SetPasswordAsync(name, password);
        return await LoginAsync(name, password);
    }

    public async Task SetPasswordAsync(string name, string password = Password)
    {
        using IssuedCredential invitation = await Core.Admin.InviteAsync(Root, PrincipalName.Parse(name), 3600, reset: false, Cancellation);
        using SecretValue chosen = Text(password);
        await Core.Logins.AcceptInvitationAsync(From(), invitation.Secret, chosen, Cancellation);
    }

    public async Task<Caller> LoginAsync(string name, string password = Password, string? code = null)
    {
        using IssuedCredential session = await TokenAsync(name, password, code);
        return Caller(name, session.Credential.PublicId);
    }

    public async Task<IssuedCredential> TokenAsync(string name, string password = Password, string? code = null, IPAddress? address = null)
    {
        using SecretValue typed = Text(password);
        return await Core.Logins.LoginAsync(From(address), name, typed, code, Cancellation);
    }

    public async Task<CofferException> RefusedAsync(string name, string password = Password, string? code = null, IPAddress? address = null) =>
        await Assert.ThrowsAsync<CofferException>(async () => (await TokenAsync(name, password, code, address)).Dispose());

    public async Task<bool> WorksAsync(IssuedCredential token, IPAddress? address = null) =>
        (await Core.Credentials.ProveTokenAsync(Encoding.UTF8.GetString(token.Secret.Span), address ?? Address, Cancellation)).Identity is not null;

    /// <summary>One-time codes for somebody who has logged in: the seed and the recovery codes.</summary>
    public async Task<(byte[] Seed, string[] Recovery)> EnrolAsync(Caller caller)
    {
        byte[] seed;
        using (CodeEnrolment enrolment = await BeginAsync(caller))
        {
            seed = Base32(Encoding.ASCII.GetString(enrolment.Seed.Span));
        }

        IReadOnlyList<SecretValue> codes = await Core.Logins.ConfirmOneTimeCodesAsync(caller, Code(seed), Cancellation);
        string[] recovery = [.. codes.Select(c => Encoding.ASCII.GetString(c.Span))];
        codes.ToList().ForEach(c => c.Dispose());
        return (seed, recovery);
    }

    public async Task<CodeEnrolment> BeginAsync(Caller caller, string password = Password)
    {
        using SecretValue typed = Text(password);
        return await Core.Logins.BeginOneTimeCodesAsync(caller, typed, Cancellation);
    }

    /// <summary>Takes rows out of the store behind the core's back, as who has the file can.</summary>
    public async Task TakeAwayAsync(IEnumerable<Credential> rows)
    {
        await using (IStoreTransaction transaction = await Store.BeginAsync(Cancellation))
        {
            Assert.True(await transaction.SaveAsync(new AccessChange { RemovedCredentials = [.. rows.Select(c => c.PublicId)] }, Cancellation));
            await transaction.CommitAsync(Cancellation);
        }

        await RestartAsync();
    }

    /// <summary>The code that an app shows now, or some steps from now.</summary>
    public string Code(byte[] seed, int steps = 0) => OneTimeCodes.CodeOf(seed, OneTimeCodes.StepOf(Core.Clock.Now()) + steps).ToString("D6", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Records of the trail, in the order of the requests.</summary>
    public async Task<List<AuditRecord>> RecordsAsync(string action)
    {
        // What was committed with a change reaches the trail behind the answer; stopping waits for it.
        await RestartAsync();
        List<AuditRecord> records = [];
        await foreach (AuditEntry entry in Core.AuditReader.QueryAsync(new(), Cancellation))
        {
            records.Add(entry.Record);
        }

        return [.. records.Where(r => r.Action == action).OrderBy(r => int.Parse(r.RequestId.AsSpan(2), System.Globalization.CultureInfo.InvariantCulture))];
    }

    public async Task<List<Credential>> CredentialsAsync(string name) =>
        [.. await Store.Access.CredentialsAsync(Core.Access.PrincipalsByName[PrincipalName.Parse(name)].Id, "", 1000, Cancellation)];

    public static SecretValue Text(string text) => SecretValue.Copy(Encoding.UTF8.GetBytes(text));

    public static byte[] Base32(string text)
    {
        List<byte> bytes = [];
        int bits = 0, held = 0;
        foreach (char c in text)
        {
            held = (held << 5) | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".IndexOf(c, StringComparison.Ordinal);
            bits += 5;
            if (bits >= 8)
            {
                bits -= 8;
                bytes.Add((byte)(held >> bits));
                held &= (1 << bits) - 1;
            }
        }

        return [.. bytes];
    }

    public async ValueTask DisposeAsync()
    {
        await Core.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private CofferCore Make() => new(new()
    {
        Store = Store,
        AuditDirectory = Path.Combine(_folder, "audit"),
        Clock = Clock,
        Passwords = Hash,
        Verifiers = Verifier is null ? [] : [Verifier],
    });

    private void Hash(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, Argon2Parameters parameters, Span<byte> output)
    {
        lock (_hashes)
        {
            _hashes.Add(parameters);
        }

        WhileHashing?.Invoke();
        HMACSHA256.HashData(salt, passphrase, output);
    }
}
