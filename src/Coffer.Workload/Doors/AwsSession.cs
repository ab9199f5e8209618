using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace Coffer.Workload.Doors;

/// <summary>A temporary AWS access key. Whoever holds it disposes it, and its secret is zeros.</summary>
/// <param name="AccessKeyId">Public id.</param>
/// <param name="SecretAccessKey">The secret, UTF-8; owned from here on.</param>
/// <param name="SessionToken">Sent with every request.</param>
/// <param name="Expires">End.</param>
public sealed record AwsSessionCredentials(string AccessKeyId, ReadOnlyMemory<byte> SecretAccessKey, string SessionToken, DateTimeOffset Expires) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        if (MemoryMarshal.TryGetArray(SecretAccessKey, out ArraySegment<byte> secret))
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"{AccessKeyId} ***";
}

/// <summary>The temporary key of one identity, renewed ahead; what both of AWS's doors give.</summary>
public sealed class AwsSession : IDisposable
{
    // SDKs fetch again when under 15 minutes remain, on every call if they must. What is handed out lasts longer than that, or
    // for half of its life where all of it is short.
    private static readonly TimeSpan RenewBefore = TimeSpan.FromMinutes(30);

    private readonly Renewed<AwsSessionCredentials> _current;

    /// <summary>Over an issuer of temporary keys that last an hour or more; renewed on demand if nothing is said.</summary>
    public AwsSession(Func<CancellationToken, ValueTask<AwsSessionCredentials>> issue, TimeProvider clock, Renewal? renewal = null) =>
        _current = new(issue, c => c.Expires, life => life / 2 < RenewBefore ? life / 2 : life - RenewBefore, clock, renewal);

    /// <inheritdoc/>
    public void Dispose() => _current.Dispose();

    /// <summary>Gets the key before anybody asks. Throws what the issuer throws.</summary>
    internal async Task PrimeAsync(CancellationToken cancellationToken) => await _current.UseAsync(_ => true, cancellationToken).ConfigureAwait(false);

    /// <summary>The members that both doors' answers share, behind those that <paramref name="first"/> writes.</summary>
    internal ValueTask<byte[]> DocumentAsync(Action<Utf8JsonWriter>? first, CancellationToken cancellationToken) => _current.UseAsync(
        credentials => DoorAnswer.Object(writer =>
        {
            first?.Invoke(writer);
            writer.WriteString("AccessKeyId"u8, credentials.AccessKeyId);
            writer.WriteString("SecretAccessKey"u8, credentials.SecretAccessKey.Span);
            writer.WriteString("Token"u8, credentials.SessionToken);
            writer.WriteString("Expiration"u8, Text(credentials.Expires));
        }),
        cancellationToken);

    internal static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
