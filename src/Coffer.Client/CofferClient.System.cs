using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Coffer.Contracts;

namespace Coffer.Client;

public sealed partial class CofferClient
{
    private const string SystemPath = "/coffer/v1/sys";
    private const string AuditPath = "/coffer/v1/audit";

    /// <summary>The seal, and whether it is open. Asks for a proof of identity only while it is.</summary>
    public Task<SystemStatus> GetStatusAsync(CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{SystemPath}/status", ContractsJson.Default.SystemStatus, cancellationToken);

    /// <summary>Seals the server: it forgets every key and serves no request until it is unsealed.</summary>
    public Task<SystemStatus> SealAsync(CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{SystemPath}/seal", ContractsJson.Default.SystemStatus, cancellationToken);

    /// <summary>Gives one share or the passphrase.</summary>
    public Task<SystemStatus> UnsealAsync(UnsealRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{SystemPath}/unseal", ContractsJson.Default.SystemStatus, cancellationToken, Body(request, ContractsJson.Default.UnsealRequest));

    /// <summary>Makes a new data key. <paramref name="proof"/> is needed where the server cannot open its seal by itself.</summary>
    public Task<KeyRotation> RotateKeysAsync(SealProof? proof = null, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{SystemPath}/rotate-keys", ContractsJson.Default.KeyRotation, cancellationToken, Body(proof ?? new(), ContractsJson.Default.SealProof));

    /// <summary>Replaces the seal. Dispose the answer.</summary>
    public Task<RekeyResult> RekeyAsync(RekeyRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{SystemPath}/rekey", ContractsJson.Default.RekeyResult, cancellationToken, Body(request, ContractsJson.Default.RekeyRequest));

    /// <summary>
    /// Writes an encrypted copy of the whole store to <paramref name="destination"/>. A copy that was cut short throws;
    /// what was written by then is not a backup.
    /// </summary>
    public async Task BackupAsync(Stream destination, CancellationToken cancellationToken = default)
    {
        using HttpResponseMessage response = await SendAsync(HttpMethod.Post, $"{SystemPath}/backup", null, null, null, cancellationToken, cancellationToken).ConfigureAwait(false);
        if (response.Content.Headers.ContentType?.MediaType != "application/octet-stream")
        {
            throw Unexpected(response);
        }

        try
        {
            using Stream source = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            await source.CopyToAsync(destination, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpIOException failure)
        {
            throw CofferClientException.Local(CofferClientException.Unreachable, "the backup was cut short", $"the connection to {Where} broke before the backup was complete", inner: failure);
        }
    }

    /// <summary>Records of the trail that match, oldest first.</summary>
    public IAsyncEnumerable<AuditEvent> QueryAuditAsync(AuditSearch search, CancellationToken cancellationToken = default) => StreamAsync(Path(search, follow: false), cancellationToken);

    /// <summary>
    /// Records of the trail that match, oldest first, then those that come and match: none between is left out. Ends as
    /// <see cref="FollowAuditAsync(CancellationToken)"/> does. <see cref="AuditSearch.Until"/> is refused.
    /// </summary>
    public IAsyncEnumerable<AuditEvent> FollowAuditAsync(AuditSearch search, CancellationToken cancellationToken = default) => StreamAsync(Path(search, follow: true), cancellationToken);

    /// <summary>Every record from now on, as it comes. Ends when cancelled, when the server seals, or when we may no longer read.</summary>
    public IAsyncEnumerable<AuditEvent> FollowAuditAsync(CancellationToken cancellationToken = default) => StreamAsync($"{AuditPath}/follow", cancellationToken);

    /// <summary>Examines the trail's index and builds what is missing, damaged or stale in it, or all of it. May take long.</summary>
    public Task<AuditIndexState> IndexAuditAsync(bool rebuild = false, CancellationToken cancellationToken = default) =>
        SlowlyAsync($"{AuditPath}/index{Query(("rebuild", rebuild ? "true" : null))}", ContractsJson.Default.AuditIndexState, cancellationToken);

    /// <summary>Who read a secret's values, from the trail.</summary>
    public Task<SecretReaders> ListReadersAsync(string vault, string name, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{PathOf(vault, name)}/readers", ContractsJson.Default.SecretReaders, cancellationToken);

    /// <summary>Proves that nothing in the trail was changed, dropped or cut off, or says what was. May take long.</summary>
    public Task<AuditVerification> VerifyAuditAsync(CancellationToken cancellationToken = default) =>
        SlowlyAsync($"{AuditPath}/verify", ContractsJson.Default.AuditVerification, cancellationToken);

    // What reads the whole trail takes its time: only the caller ends it.
    private async Task<T> SlowlyAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await SendAsync(HttpMethod.Post, path, null, null, null, cancellationToken, cancellationToken).ConfigureAwait(false);
        try
        {
            using Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            return await JsonSerializer.DeserializeAsync(stream, type, cancellationToken).ConfigureAwait(false) ?? throw Unexpected(response);
        }
        catch (JsonException)
        {
            throw Unexpected(response);
        }
        catch (Exception failure) when (Translate(failure, cancellationToken) is { } translated)
        {
            throw translated;
        }
    }

    private async IAsyncEnumerable<AuditEvent> StreamAsync(string path, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await SendAsync(HttpMethod.Get, path, null, null, null, cancellationToken, cancellationToken).ConfigureAwait(false);
        if (response.Content.Headers.ContentType?.MediaType != "application/x-ndjson")
        {
            throw Unexpected(response);
        }

        using Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        using StreamReader reader = new(stream, new UTF8Encoding(false));
        while (true)
        {
            string? line;
            AuditEvent? record = null;
            try
            {
                line = await reader.ReadLineAsync(cancellationToken).ConfigureAwait(false);
                if (line is { Length: > 0 })
                {
                    record = JsonSerializer.Deserialize(line, ContractsJson.Default.AuditEvent);
                }
            }
            catch (JsonException)
            {
                throw Unexpected(response);
            }
            catch (Exception failure) when (Translate(failure, cancellationToken) is { } translated)
            {
                throw translated;
            }

            if (line is null)
            {
                yield break;
            }

            if (record is not null)
            {
                yield return record;
            }
        }
    }

    private static string Path(AuditSearch search, bool follow) => AuditPath + Query(
        ("principal", search.Principal), ("path", search.Path), ("vault", search.Vault), ("name", search.Name), ("action", search.Action), ("decision", search.Decision),
        ("credential", search.Credential), ("address", search.Address), ("request", search.Request),
        ("since", Text(search.Since)), ("until", Text(search.Until)), ("limit", Text(search.Limit)), ("follow", follow ? "true" : null));

    private static string? Text(DateTimeOffset? time) => time is { } given ? UtcTime.Write(given) : null;
}
