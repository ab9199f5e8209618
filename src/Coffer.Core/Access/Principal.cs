using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>
/// Name of a principal, group or role: 1–64 of <c>a-z 0-9 . _ -</c>, but not <c>.</c> or <c>..</c>, which no address can hold.
/// No folding: anything else is not a name.
/// </summary>
public readonly record struct PrincipalName
{
    private static readonly SearchValues<char> Legal = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789._-");

    private PrincipalName(string value) => Value = value;

    /// <summary>The canonical text.</summary>
    public string Value { get; }

    /// <summary>Parses or returns false.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out PrincipalName name)
    {
        bool ok = text is { Length: >= 1 and <= 64 } and not ("." or "..") && !text.AsSpan().ContainsAnyExcept(Legal);
        name = ok ? new(text!) : default;
        return ok;
    }

    /// <summary>Parses, or throws <see cref="CofferErrorCode.InvalidName"/>.</summary>
    public static PrincipalName Parse(string? text) =>
        TryParse(text, out PrincipalName name) ? name : throw Error.InvalidName("principal name", "1 to 64 of a-z, 0-9, '.', '_' and '-'");

    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>What a principal is. Numbers are stored.</summary>
public enum PrincipalKind
{
    /// <summary>A program. On the AWS wire a role.</summary>
    Workload = 1,

    /// <summary>A person. On the AWS wire a user.</summary>
    Person = 2,

    /// <summary>A person or program that runs Coffer itself.</summary>
    Operator = 3,
}

/// <summary>Who asks.</summary>
public sealed record Principal
{
    /// <summary>Never changes: Azure object id, Vault entity id; the AWS and Google ids derive from it.</summary>
    public required Guid Id { get; init; }

    /// <summary>Unique name.</summary>
    public required PrincipalName Name { get; init; }

    /// <summary>Workload, person or operator.</summary>
    public required PrincipalKind Kind { get; init; }

    /// <summary>The vault its calls land in where the wire names none, or null.</summary>
    public VaultName? Home { get; init; }

    /// <summary>False: every credential of it stops working at once.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Free text.</summary>
    public string Description { get; init; } = "";

    /// <summary>Creation, UTC microseconds.</summary>
    public required long Created { get; init; }

    /// <summary>+1 on any change.</summary>
    public int Revision { get; init; } = 1;

    /// <summary>What only one wire knows, by dialect.</summary>
    public ImmutableSortedDictionary<string, string> Annotations { get; init; } = Secret.NoTags;

    /// <summary>Digest over the policies on it and their revisions, so that a deleted deny is noticed; empty = none.</summary>
    public ReadOnlyMemory<byte> PolicyDigest { get; init; }

    /// <summary>Authenticates the row; empty before it was saved.</summary>
    public ReadOnlyMemory<byte> Mac { get; init; }
}

/// <summary>A set of principals.</summary>
public sealed record Group
{
    /// <summary>Never changes.</summary>
    public required Guid Id { get; init; }

    /// <summary>Unique name.</summary>
    public required PrincipalName Name { get; init; }

    /// <summary>Ids of its members: principals only, sorted.</summary>
    public ImmutableSortedSet<Guid> Members { get; init; } = ImmutableSortedSet<Guid>.Empty;

    /// <summary>Creation, UTC microseconds.</summary>
    public required long Created { get; init; }

    /// <summary>+1 on any change.</summary>
    public int Revision { get; init; } = 1;

    /// <summary>Digest over the policies on it and their revisions, so that a deleted deny is noticed; empty = none.</summary>
    public ReadOnlyMemory<byte> PolicyDigest { get; init; }

    /// <summary>Authenticates the row and its members; empty before it was saved.</summary>
    public ReadOnlyMemory<byte> Mac { get; init; }
}

/// <summary>What a credential is. Numbers are stored.</summary>
public enum CredentialKind
{
    /// <summary>An AWS access key: the secret is sealed, since SigV4 makes us recompute a MAC.</summary>
    AccessKey = 1,

    /// <summary>A token of Coffer's own API: kept as a keyed hash.</summary>
    Token = 2,

    /// <summary>A client secret.</summary>
    ClientSecret = 3,

    /// <summary>A service-account key pair; the public half.</summary>
    ServiceAccountKey = 4,

    /// <summary>An AppRole secret id.</summary>
    SecretId = 5,

    /// <summary>A person's password (Argon2id).</summary>
    Password = 6,

    /// <summary>A client certificate.</summary>
    Certificate = 7,

    /// <summary>The seed of a person's one-time codes (RFC 6238), sealed.</summary>
    OneTimeCode = 8,

    /// <summary>One of a person's recovery codes: kept as a keyed hash, one use.</summary>
    RecoveryCode = 9,

    /// <summary>Lets a person set a password: kept as a keyed hash, one use.</summary>
    Invitation = 10,
}

/// <summary>What proves a principal.</summary>
public sealed record Credential
{
    /// <summary>Public id, unique over all kinds: access key id, key id, accessor, role id.</summary>
    public required string PublicId { get; init; }

    /// <summary>Whose it is, or null for root, orphan and wrapping tokens.</summary>
    public required Guid? PrincipalId { get; init; }

    /// <summary>What it is.</summary>
    public required CredentialKind Kind { get; init; }

    /// <summary>Keyed hash of the secret text (unique), or empty where the secret is sealed.</summary>
    public ReadOnlyMemory<byte> Verifier { get; init; }

    /// <summary>The sealed secret where the wire forces us to keep it, or empty.</summary>
    public ReadOnlyMemory<byte> Sealed { get; init; }

    /// <summary>What it is for, free text.</summary>
    public string Description { get; init; } = "";

    /// <summary>Creation, UTC microseconds.</summary>
    public required long Created { get; init; }

    /// <summary>End, UTC microseconds, or null.</summary>
    public long? Expires { get; init; }

    /// <summary>How often it can still be used, or null for any number. Decremented while authenticating; outside the MAC.</summary>
    public int? UsesLeft { get; init; }

    /// <summary>Addresses it may be used from; empty = any.</summary>
    public ImmutableArray<IPNetwork> Cidrs { get; init; } = [];

    /// <summary>UTC day number of the last use, or null. Outside the MAC.</summary>
    public int? LastUsedDay { get; init; }

    /// <summary>The last time step whose one-time code was used, or null. Outside the MAC; taken while authenticating.</summary>
    public long? LastStep { get; init; }

    /// <summary>Policy names given to this credential, as a Vault token has them.</summary>
    public ImmutableArray<string> Policies { get; init; } = [];

    /// <summary>Sets of policies that limit it: (language, policy texts). All sets must allow.</summary>
    public ImmutableArray<PolicySet> Limits { get; init; } = [];

    /// <summary>The credential it was got with, or null.</summary>
    public string? Parent { get; init; }

    /// <summary>+1 on any change.</summary>
    public int Revision { get; init; } = 1;

    /// <summary>Digest over the policies on it and their revisions, so that a deleted deny is noticed; empty = none.</summary>
    public ReadOnlyMemory<byte> PolicyDigest { get; init; }

    /// <summary>Authenticates the row; empty before it was saved.</summary>
    public ReadOnlyMemory<byte> Mac { get; init; }
}

/// <summary>Policies of one language that limit a credential: the set allows if its language, judging all of it together, allows.</summary>
/// <param name="Language">The language.</param>
/// <param name="Sources">The policy texts.</param>
public sealed record PolicySet(string Language, ImmutableArray<string> Sources);

/// <summary>A named set of permissions of one language, in one vault or (null) in all.</summary>
/// <param name="Language">The language.</param>
/// <param name="Vault">The vault, or null.</param>
/// <param name="Name">The role's name.</param>
/// <param name="Permissions">The language's own permission texts.</param>
public sealed record Role(string Language, VaultName? Vault, string Name, ImmutableArray<string> Permissions)
{
    /// <summary>Authenticates the row; empty before it was saved.</summary>
    public ReadOnlyMemory<byte> Mac { get; init; }
}

/// <summary>Another name for a principal: what a login mount or trust knows it as.</summary>
/// <param name="Mount">Login mount or trust.</param>
/// <param name="Name">The name there.</param>
/// <param name="PrincipalId">The principal.</param>
/// <param name="Metadata">What the login said about it.</param>
public sealed record PrincipalAlias(string Mount, string Name, Guid PrincipalId, ImmutableSortedDictionary<string, string> Metadata)
{
    /// <summary>Authenticates the row; empty before it was saved.</summary>
    public ReadOnlyMemory<byte> Mac { get; init; }
}
