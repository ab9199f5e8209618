using System.ComponentModel.DataAnnotations;

namespace Coffer.Contracts;

/// <summary>What proves a principal, without its secret half.</summary>
public sealed record CredentialInfo
{
    /// <summary>Public id: access key id, token id.</summary>
    public required string Id { get; init; }

    /// <summary>What it is.</summary>
    [AllowedValues("access-key", "token", "client-secret", "service-account-key", "secret-id", "password", "certificate", "one-time-code", "recovery-code", "invitation")]
    public required string Kind { get; init; }

    /// <summary>Whose it is, or absent.</summary>
    public string? Principal { get; init; }

    /// <summary>What it is for.</summary>
    public string Description { get; init; } = "";

    /// <summary>Creation.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>End, or absent.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>How often it can still be used, or absent for any number.</summary>
    public int? UsesLeft { get; init; }

    /// <summary>Networks it may be used from; empty = any.</summary>
    public IReadOnlyList<string> Cidrs { get; init; } = [];

    /// <summary>Day of the last use, or absent.</summary>
    public DateOnly? LastUsed { get; init; }
}

/// <summary>Credentials of one principal, by creation.</summary>
public sealed record CredentialList
{
    /// <summary>The credentials.</summary>
    public required IReadOnlyList<CredentialInfo> Credentials { get; init; }
}

/// <summary>What a new access key or token is bound to.</summary>
public sealed record NewCredential
{
    /// <summary>What it is for, up to 2,048 characters.</summary>
    public string? Description { get; init; }

    /// <summary>End, or absent for none.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>How often it may be used, or absent for any number.</summary>
    [Range(1, 1_000_000_000)]
    public int? Uses { get; init; }

    /// <summary>Networks it may be used from, in CIDR form; absent = any.</summary>
    public IReadOnlyList<string>? Cidrs { get; init; }
}

/// <summary>A credential just made. The secret is shown this once. Dispose it.</summary>
public sealed record IssuedSecret : IDisposable
{
    /// <summary>The credential.</summary>
    public required CredentialInfo Credential { get; init; }

    /// <summary>The secret access key, or the token.</summary>
    public required SecretText Secret { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Secret.Dispose();
}

/// <summary>Asks for a temporary AWS access key.</summary>
public sealed record NewSession
{
    /// <summary>For whom; absent = for the caller. For someone else only who may act as them, or a server administrator.</summary>
    public string? Principal { get; init; }

    /// <summary>The vault that its calls land in; absent = the principal's home.</summary>
    public string? Vault { get; init; }

    /// <summary>How long it lasts; an hour if absent.</summary>
    [Range(900, 43_200)]
    public int? Seconds { get; init; }

    /// <summary>Session name, 2–64 of <c>A-Za-z0-9+=,.@_-</c>; <c>coffer</c> if absent.</summary>
    public string? Name { get; init; }
}

/// <summary>A temporary AWS access key; nothing of it is stored. Dispose it.</summary>
public sealed record SessionCredentials : IDisposable
{
    /// <summary><c>ASIA</c> and sixteen characters.</summary>
    public required string AccessKeyId { get; init; }

    /// <summary>Forty characters.</summary>
    public required SecretText SecretAccessKey { get; init; }

    /// <summary>To be sent with every request.</summary>
    public required SecretText SessionToken { get; init; }

    /// <summary>Its end.</summary>
    public required DateTimeOffset Expiration { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        SecretAccessKey.Dispose();
        SessionToken.Dispose();
    }
}

/// <summary>A rule of Coffer's own language on one principal or group.</summary>
public sealed record GrantInfo
{
    /// <summary><c>g-</c> and eight characters.</summary>
    public required string Id { get; init; }

    /// <summary>Whether it allows or denies; a deny wins.</summary>
    [AllowedValues("allow", "deny")]
    public required string Effect { get; init; }

    /// <summary>The principal it is for, or absent.</summary>
    public string? Principal { get; init; }

    /// <summary>The group it is for, or absent.</summary>
    public string? Group { get; init; }

    /// <summary>Actions, or a role's name.</summary>
    public required IReadOnlyList<string> Actions { get; init; }

    /// <summary>The vault, or absent for all of them and the server itself.</summary>
    public string? Vault { get; init; }

    /// <summary>Pattern of names: <c>*</c> any run, <c>?</c> any one character.</summary>
    public required string Names { get; init; }

    /// <summary>Only versions with this label, or absent.</summary>
    public string? Label { get; init; }

    /// <summary>Only from these networks; empty = from anywhere.</summary>
    public IReadOnlyList<string> Cidrs { get; init; } = [];

    /// <summary>Start, or absent.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>End, or absent.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Only secrets with all of these tags.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>Creation.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>Name of the principal who made it.</summary>
    public string CreatedBy { get; init; } = "";
}

/// <summary>Grants, by creation.</summary>
public sealed record GrantList
{
    /// <summary>The grants.</summary>
    public required IReadOnlyList<GrantInfo> Grants { get; init; }
}

/// <summary>A new grant: exactly one of <see cref="Principal"/> and <see cref="Group"/>.</summary>
public sealed record NewGrant
{
    /// <summary>Whether it allows (if absent) or denies.</summary>
    [AllowedValues("allow", "deny")]
    public string? Effect { get; init; }

    /// <summary>The principal it is for.</summary>
    public string? Principal { get; init; }

    /// <summary>The group it is for.</summary>
    public string? Group { get; init; }

    /// <summary>Actions (list, describe, read, write, tag, label, enable, disable, delete, recover, purge, rotate, administer) and roles (reader, writer, operator, admin).</summary>
    public required IReadOnlyList<string> Actions { get; init; }

    /// <summary>The vault; absent for all of them and the server itself.</summary>
    public string? Vault { get; init; }

    /// <summary>Pattern of names; <c>*</c> if absent.</summary>
    public string? Names { get; init; }

    /// <summary>Only versions with this label.</summary>
    public string? Label { get; init; }

    /// <summary>Only from these networks, in CIDR form.</summary>
    public IReadOnlyList<string>? Cidrs { get; init; }

    /// <summary>Start.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>End.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Only secrets with all of these tags.</summary>
    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}
