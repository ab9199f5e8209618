using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Trusts;
using Microsoft.AspNetCore.Http;
using NewTrust = Coffer.Contracts.NewTrust;

namespace Coffer.Protocols.Native;

internal sealed partial class NativeEndpoints
{
    private const int LoginSeconds = 3600;

    private IEnumerable<NativeRoute> TrustRoutes()
    {
        const string all = "/coffer/v1/trusts", one = all + "/{trust}";
        yield return Ask(HttpMethods.Get, all, "listTrusts", "Lists what proves principals without a stored secret.", ContractsJson.Default.TrustList,
            async call => new() { Trusts = [.. (await _core.Admin.ListTrustsAsync(call.Caller, call.Aborted).ConfigureAwait(false)).Select(t => Info(t))] });
        yield return Tell(HttpMethods.Post, all, "createTrust", "Trusts another system: whoever shows its proof is a principal, with nothing stored.",
            ContractsJson.Strict.NewTrust, ContractsJson.Default.TrustInfo, CreateTrustAsync) with { Statuses = [201] };
        yield return Tell(HttpMethods.Post, all + "/local", "trustLocalUser", "Lets a Unix user of the server's machine be a principal over the local socket.",
            ContractsJson.Strict.NewLocalTrust, ContractsJson.Default.TrustInfo,
            async (call, body) => Info(await _core.Admin.TrustLocalUserAsync(call.Caller, PrincipalName.Parse(body.Principal), body.Uid, call.Aborted).ConfigureAwait(false))) with { Statuses = [201] };
        yield return Ask(HttpMethods.Get, one, "getTrust", "One trust, with its settings and links.", ContractsJson.Default.TrustInfo, GetTrustAsync);
        yield return Remove(one, "deleteTrust", "Removes a trust; sessions got with it end at once.",
            async call => await _core.Admin.DeleteTrustAsync(call.Caller, call.Named, call.Aborted).ConfigureAwait(false));
        yield return Tell(HttpMethods.Post, one + "/links", "linkTrust", "Says which principal a value of the trust's claim means.", ContractsJson.Strict.TrustLink, ContractsJson.Default.TrustLink, LinkTrustAsync) with { Statuses = [201] };
        yield return Remove(one + "/links/{value}", "unlinkTrust", "Ends that a value means a principal.",
            async call => await _core.Admin.UnlinkAsync(call.Caller, call.Named, call.ClaimValue, call.Aborted).ConfigureAwait(false));

        yield return Open("/coffer/v1/login/trust", "loginByTrust", "Gives a short-lived token, or AWS access key, for the proof of a trusted system.",
            ContractsJson.Strict.TrustLogin, ContractsJson.Default.TrustSession, LoginByTrustAsync, TokenBodyBytes) with { Statuses = [201] };
        yield return Open("/coffer/v1/login/certificate", "loginByCertificate", "The same for the certificate that the client authenticated its TLS connection with.",
            ContractsJson.Strict.CertificateLogin, ContractsJson.Default.TrustSession, LoginByCertificateAsync, TokenBodyBytes) with { Statuses = [201] };
    }

    private async ValueTask<TrustInfo> CreateTrustAsync(NativeCall call, NewTrust body)
    {
        Core.Access.NewTrust wanted = new()
        {
            Name = PrincipalName.Parse(body.Name),
            Kind = body.Kind switch
            {
                "web-token" => TrustKind.WebToken,
                "kubernetes" => TrustKind.Kubernetes,
                "aws" => TrustKind.AwsIdentity,
                "certificate" => TrustKind.Certificate,
                null when body.Preset is not null => TrustPresets.NoKind,
                _ => throw Error.InvalidRequest("kind is web-token, kubernetes, aws or certificate; or name a preset", "kind"),
            },
            Issuer = body.Issuer ?? "",
            Audiences = [.. NativeWire.Whole(body.Audiences ?? [], "audiences")],
            Claims = Secret.NoTags.AddRange(body.Claims?.Select(c => c.Value is null ? throw Error.InvalidRequest("a claim has a pattern", "claims") : c) ?? []),
            Principal = body.Principal is { } principal ? PrincipalName.Parse(principal) : null,
            PrincipalClaim = body.PrincipalClaim,
            NewGroup = body.NewGroup is { } group ? PrincipalName.Parse(group) : null,
            MaxSeconds = body.MaxSeconds ?? LoginSeconds,
            Settings = body.Settings?.GetRawText() ?? "",
        };
        using SecretValue? secret = Copy(body.Secret);
        Trust trust = await _core.Admin.CreateTrustAsync(call.Caller, body.Preset is { } preset ? TrustPresets.Apply(preset, wanted) : wanted, secret, call.Aborted).ConfigureAwait(false);
        call.Context.Response.Headers.Location = $"/coffer/v1/trusts/{trust.Name.Value}";
        return Info(trust, []);
    }

    private async ValueTask<TrustInfo> GetTrustAsync(NativeCall call)
    {
        (Trust trust, ImmutableArray<(string Value, Principal Principal)> links) = await _core.Admin.GetTrustAsync(call.Caller, call.Named, call.Aborted).ConfigureAwait(false);
        return Info(trust, [.. links.Select(l => new TrustLink { Value = l.Value, Principal = l.Principal.Name.Value })]);
    }

    private async ValueTask<TrustLink> LinkTrustAsync(NativeCall call, TrustLink body)
    {
        PrincipalName trust = call.Named;
        PrincipalAlias alias = await _core.Admin.LinkAsync(call.Caller, trust, body.Value, PrincipalName.Parse(body.Principal), call.Aborted).ConfigureAwait(false);
        call.Context.Response.Headers.Location = $"/coffer/v1/trusts/{trust.Value}/links/{Uri.EscapeDataString(alias.Name)}";
        return body;
    }

    private ValueTask<TrustSession> LoginByTrustAsync(NativeCall call, TrustLogin body)
    {
        if (body.Token is null == body.SignedRequest is null)
        {
            throw Error.InvalidCombination("a login shows a token or a signed request", "token");
        }

        TrustProof proof = body.Token is { } token ? new TrustProof.WebToken(Encoding.UTF8.GetString(token.Utf8)) : Proof(body.SignedRequest!);
        return LogInAsync(call, body.Trust, proof, body.Kind, body.Audience, body.Seconds, body.Name);
    }

    private ValueTask<TrustSession> LoginByCertificateAsync(NativeCall call, CertificateLogin body) =>
        // Of the connection itself, never of a header that somebody in between may have set.
        call.Context.Connection.ClientCertificate is { } certificate
            ? LogInAsync(call, body.Trust, new TrustProof.ClientCertificate(certificate.RawDataMemory), body.Kind, body.Audience, body.Seconds, body.Name)
            : throw Error.InvalidRequest("the connection has no client certificate; the server asks for one where it is started with --client-certificates");

    private async ValueTask<TrustSession> LogInAsync(NativeCall call, string trust, TrustProof proof, string? kind, string? audience, int? seconds, string? name)
    {
        // What is wrong with the request is said before anything is proven, so that it says nothing about the proof.
        bool aws = kind switch
        {
            null or "bearer" => false,
            "aws" when audience is null => true,
            "aws" => throw Error.InvalidCombination("an AWS access key has no audience", "audience"),
            _ => throw Error.InvalidRequest("kind is bearer or aws", "kind"),
        };
        string session = NativeNames.SessionName(name);
        LoginService.CheckLife(aws, audience ?? CredentialService.CofferAudience, seconds ?? LoginSeconds);
        PrincipalName named = PrincipalName.Parse(trust);
        Identity identity = await _core.Logins.ProveTrustAsync(From(call), named, proof, call.Aborted).ConfigureAwait(false);
        _rates.Admit(identity);
        if (aws)
        {
            using TemporaryAccessKey key = _core.Logins.AccessKey(identity, seconds ?? LoginSeconds, session);
            return new() { Principal = identity.Principal.Name.Value, Id = key.AccessKeyId, Expiration = Microseconds.ToTime(key.Expires), AccessKey = Shown(key) };
        }

        using BearerToken token = _core.Logins.Bearer(identity, audience ?? CredentialService.CofferAudience, seconds ?? LoginSeconds, session);
        return new() { Principal = identity.Principal.Name.Value, Id = token.Id, Expiration = Microseconds.ToTime(token.Expires), Token = new(token.Token.Span) };
    }

    private static TrustProof.SignedRequest Proof(SignedRequest request)
    {
        ImmutableSortedDictionary<string, string>.Builder headers = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach ((string name, string value) in request.Headers)
        {
            // Two spellings of one name are two headers, of which only one was signed.
            if (value is null || !headers.TryAdd(name.ToLowerInvariant(), value))
            {
                throw Error.InvalidRequest("a header is given once, with a value", "signedRequest.headers");
            }
        }

        return new(request.Method, request.Url, headers.ToImmutable(), Encoding.UTF8.GetBytes(request.Body ?? ""));
    }

    /// <summary>A trust; with its settings and links where they are given.</summary>
    private TrustInfo Info(Trust trust, IReadOnlyList<TrustLink>? links = null)
    {
        AccessSnapshot snapshot = _core.Access;
        bool local = trust.Kind == TrustKind.LocalUser;
        return new()
        {
            Name = trust.Name.Value,
            Kind = trust.Kind switch
            {
                TrustKind.LocalUser => "local-user",
                TrustKind.WebToken => "web-token",
                TrustKind.Kubernetes => "kubernetes",
                TrustKind.AwsIdentity => "aws",
                TrustKind.Certificate => "certificate",
            },
            Principal = trust.PrincipalId is { } id ? snapshot.Principals.GetValueOrDefault(id)?.Name.Value : null,
            PrincipalClaim = trust.PrincipalClaim,
            NewGroup = trust.NewGroup is { } group ? snapshot.Groups.GetValueOrDefault(group)?.Name.Value : null,
            Issuer = trust.Issuer,
            Audiences = trust.Audiences.IsEmpty ? null : trust.Audiences,
            Claims = trust.Claims,
            MaxSeconds = local ? null : trust.MaxSeconds,
            Settings = links is null || trust.Settings.Length == 0 ? null : JsonElement.Parse(trust.Settings),
            Links = trust.PrincipalClaim is null ? null : links,
            Created = Microseconds.ToTime(trust.Created),
        };
    }
}
