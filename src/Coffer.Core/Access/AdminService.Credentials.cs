using System.Buffers.Text;
using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

/// <summary>What a new credential is bound to.</summary>
public sealed record CredentialOptions
{
    /// <summary>What it is for, free text.</summary>
    public string Description { get; init; } = "";

    /// <summary>End, UTC microseconds, or null.</summary>
    public long? Expires { get; init; }

    /// <summary>How often it may be used, or null.</summary>
    public int? Uses { get; init; }

    /// <summary>Networks it may be used from; empty = any.</summary>
    public ImmutableArray<IPNetwork> Cidrs { get; init; } = [];
}

/// <summary>A credential just made, with its secret half: shown once, never again. Dispose it.</summary>
/// <param name="Credential">As stored.</param>
/// <param name="Secret">The secret access key, or the token's text.</param>
public sealed record IssuedCredential(Credential Credential, SecretValue Secret) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Secret.Dispose();

    /// <inheritdoc/>
    public override string ToString() => $"{Credential.PublicId} ***";
}

public sealed partial class AdminService
{
    private const int MaxCredentials = 20;
    private const string KeyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>Makes an AWS access key (<c>AKIA…</c>). Errors: AccessDenied; NotFound; QuotaExceeded; InvalidRequest.</summary>
    public ValueTask<IssuedCredential> CreateAccessKeyAsync(Caller caller, PrincipalName principal, CredentialOptions options, CancellationToken cancellationToken) =>
        IssueAsync(caller, principal, options, (keys, credential) =>
        {
            SecretValue secret = CredentialService.DrawSecret();
            string id = "AKIA" + RandomNumberGenerator.GetString(KeyAlphabet, 16);
            return (credential with { PublicId = id, Kind = CredentialKind.AccessKey, Sealed = keys.Seal(secret.Span, SealContext.ForCredential(id)) }, secret);
        }, cancellationToken);

    /// <summary>Makes a token of Coffer's own API. Errors: AccessDenied; NotFound; QuotaExceeded; InvalidRequest.</summary>
    public ValueTask<IssuedCredential> CreateTokenAsync(Caller caller, PrincipalName principal, CredentialOptions options, CancellationToken cancellationToken) =>
        IssueAsync(caller, principal, options, (keys, credential) =>
        {
            Span<byte> random = stackalloc byte[32];
            RandomNumberGenerator.Fill(random);
            SecretValue secret = SecretValue.Rent(CredentialService.TokenPrefix.Length + 43);
            Encoding.ASCII.GetBytes(CredentialService.TokenPrefix, secret.Buffer);
            Base64Url.EncodeToUtf8(random, secret.Buffer[CredentialService.TokenPrefix.Length..]);
            CryptographicOperations.ZeroMemory(random);
            return (credential with { PublicId = Draw("ct-", 12), Kind = CredentialKind.Token, Verifier = keys.Index(secret.Span) }, secret);
        }, cancellationToken);

    /// <summary>Credentials of one principal, by creation, without their secrets. Errors: AccessDenied; NotFound.</summary>
    public async ValueTask<IReadOnlyList<Credential>> ListCredentialsAsync(Caller caller, PrincipalName principal, CancellationToken cancellationToken)
    {
        await AuthoriseAsync(caller, Operation.ReadPolicy, null, principal.Value).ConfigureAwait(false);
        return await _parts.Store.Access.CredentialsAsync(Find(Snapshot, principal).Id, "", MaxCredentials + 1, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes a credential; it stops working in the very next request. Errors: AccessDenied; NotFound.</summary>
    public async ValueTask DeleteCredentialAsync(Caller caller, string publicId, CancellationToken cancellationToken)
    {
        Credential? found = await _credentials.FindAsync(publicId, cancellationToken).ConfigureAwait(false);
        await ChangeAsync(caller, Operation.Administer, null, found?.PublicId, (_, _) => found is null
            ? throw Error.NotFound("credential")
            : (new AccessChange { RemovedCredentials = [found.PublicId] }, found), cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<IssuedCredential> IssueAsync(
        Caller caller, PrincipalName principal, CredentialOptions options, Func<Keyring, Credential, (Credential, SecretValue)> make, CancellationToken cancellationToken)
    {
        SecretLimits.CheckDescription(options.Description);
        if (options.Expires <= _parts.Clock.Now())
        {
            throw Error.InvalidRequest("a credential ends in the future", "expires");
        }

        if (options.Uses is < 1 or > 1_000_000_000)
        {
            throw Error.InvalidRequest("a credential has at least one use", "uses");
        }

        Guid? owner = Snapshot.PrincipalsByName.GetValueOrDefault(principal)?.Id;
        int existing = owner is { } id ? (await _parts.Store.Access.CredentialsAsync(id, "", MaxCredentials, cancellationToken).ConfigureAwait(false)).Count : 0;
        SecretValue? secret = null;
        try
        {
            Credential stored = await ChangeAsync(caller, Operation.Administer, null, principal.Value, (snapshot, keys) =>
            {
                Principal found = Find(snapshot, principal);
                if (existing >= MaxCredentials)
                {
                    throw Error.QuotaExceeded($"a principal holds at most {MaxCredentials} credentials");
                }

                (Credential credential, secret) = make(keys, new()
                {
                    PublicId = "",
                    PrincipalId = found.Id,
                    Kind = CredentialKind.Token,
                    Description = options.Description,
                    Created = _parts.Clock.Now(),
                    Expires = options.Expires,
                    UsesLeft = options.Uses,
                    Cidrs = options.Cidrs,
                });
                credential = RowMacs.Sign(keys, credential);
                return (new AccessChange { Credentials = [credential] }, credential);
            }, cancellationToken).ConfigureAwait(false);
            return new(stored, secret!);
        }
        catch
        {
            secret?.Dispose();
            throw;
        }
    }
}
