using System.ComponentModel.DataAnnotations;

namespace Coffer.Contracts;

/// <summary>A person's login by password. Dispose it.</summary>
public sealed record PasswordLogin : IDisposable
{
    /// <summary>Their name, exactly.</summary>
    public required string Principal { get; init; }

    /// <summary>Their password.</summary>
    public required SecretText Password { get; init; }

    /// <summary>Six digits of the app, or a recovery code as it was shown; absent for who has neither.</summary>
    public SecretText? Code { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Password.Dispose();
        Code?.Dispose();
    }
}

/// <summary>A session just begun. Its token is shown this once. Dispose it.</summary>
public sealed record LoginResult : IDisposable
{
    /// <summary>Public id of the session.</summary>
    public required string Id { get; init; }

    /// <summary>Who has logged in.</summary>
    public required string Principal { get; init; }

    /// <summary>The token, for <c>Authorization: Bearer</c>.</summary>
    public required SecretText Token { get; init; }

    /// <summary>Its end; use does not make it later.</summary>
    public required DateTimeOffset Expires { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Token.Dispose();
}

/// <summary>Sets a password with an invitation. Dispose it.</summary>
public sealed record InvitationAcceptance : IDisposable
{
    /// <summary>The invitation's token (<c>cfi_…</c>).</summary>
    public required SecretText Invitation { get; init; }

    /// <summary>The password, 12 to 256 characters, none of the commonest.</summary>
    public required SecretText Password { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Invitation.Dispose();
        Password.Dispose();
    }
}

/// <summary>Whom an invitation was for.</summary>
public sealed record InvitedPerson
{
    /// <summary>The person's name.</summary>
    public required string Principal { get; init; }
}

/// <summary>Asks for an invitation.</summary>
public sealed record NewInvitation
{
    /// <summary>How long it is good; a day if absent.</summary>
    [Range(300, 604_800)]
    public int? Seconds { get; init; }
}

/// <summary>An invitation just made, shown this once. Dispose it.</summary>
public sealed record IssuedInvitation : IDisposable
{
    /// <summary>Its public id.</summary>
    public required string Id { get; init; }

    /// <summary>The person it is for.</summary>
    public required string Principal { get; init; }

    /// <summary>Its token, to be given to the person and nobody else.</summary>
    public required SecretText Invitation { get; init; }

    /// <summary>Its end.</summary>
    public required DateTimeOffset Expires { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Invitation.Dispose();
}

/// <summary>Changes the caller's own password. Dispose it.</summary>
public sealed record PasswordChange : IDisposable
{
    /// <summary>The password so far.</summary>
    public required SecretText Old { get; init; }

    /// <summary>The new one, 12 to 256 characters, none of the commonest.</summary>
    public required SecretText New { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Old.Dispose();
        New.Dispose();
    }
}

/// <summary>Shows a one-time or recovery code. Dispose it.</summary>
public sealed record CodeProof : IDisposable
{
    /// <summary>Six digits of the app, or a recovery code as it was shown.</summary>
    public required SecretText Code { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Code.Dispose();
}

/// <summary>Shows one's own password again. Dispose it.</summary>
public sealed record PasswordProof : IDisposable
{
    /// <summary>The password.</summary>
    public required SecretText Password { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Password.Dispose();
}

/// <summary>The seed of one-time codes, shown this once; it counts for nothing until a code confirms it. Dispose it.</summary>
public sealed record NewOneTimeCodes : IDisposable
{
    /// <summary>The <c>otpauth:</c> address that apps read.</summary>
    public required SecretText Uri { get; init; }

    /// <summary>The seed alone, in base32, to be typed.</summary>
    public required SecretText Seed { get; init; }

    /// <summary>Until when it can be confirmed.</summary>
    public required DateTimeOffset Expires { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Uri.Dispose();
        Seed.Dispose();
    }
}

/// <summary>Recovery codes just made, shown this once; each is good once. Dispose it.</summary>
public sealed record RecoveryCodeList : IDisposable
{
    /// <summary>The codes.</summary>
    public required IReadOnlyList<SecretText> Codes { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SecretText code in Codes)
        {
            code.Dispose();
        }
    }
}

/// <summary>A person's session.</summary>
public sealed record SessionInfo
{
    /// <summary>Its public id, as in the trail.</summary>
    public required string Id { get; init; }

    /// <summary>How and from where it was got.</summary>
    public string Description { get; init; } = "";

    /// <summary>Its beginning.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>Its end.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>Day of the last use, or absent.</summary>
    public DateOnly? LastUsed { get; init; }

    /// <summary>Whether it is the one that asks.</summary>
    public bool Current { get; init; }
}

/// <summary>Sessions of one person, by their beginning.</summary>
public sealed record SessionList
{
    /// <summary>The sessions.</summary>
    public required IReadOnlyList<SessionInfo> Sessions { get; init; }
}

/// <summary>An issuer through which people log in with a browser.</summary>
public sealed record LoginProvider
{
    /// <summary>The trust's name.</summary>
    public required string Trust { get; init; }

    /// <summary>The issuer's URL: its endpoints are in its own document.</summary>
    public required string Issuer { get; init; }

    /// <summary>Coffer's client id there, of a public client.</summary>
    public required string ClientId { get; init; }

    /// <summary>What to ask for.</summary>
    public required IReadOnlyList<string> Scopes { get; init; }

    /// <summary>Whether logins by device code are taken.</summary>
    public bool Device { get; init; }
}

/// <summary>Issuers, by the trusts' names.</summary>
public sealed record LoginProviderList
{
    /// <summary>The issuers.</summary>
    public required IReadOnlyList<LoginProvider> Providers { get; init; }
}

/// <summary>Begins a login through an issuer.</summary>
public sealed record NewBrowserLogin
{
    /// <summary>The trust's name.</summary>
    public required string Trust { get; init; }

    /// <summary>Whether it goes by device code.</summary>
    public bool Device { get; init; }
}

/// <summary>A login that has begun.</summary>
public sealed record BrowserLoginInfo
{
    /// <summary>To be sent back with the issuer's token; good once.</summary>
    public required string Login { get; init; }

    /// <summary>What the browser must bring back unchanged.</summary>
    public required string State { get; init; }

    /// <summary>What the issuer must put into its token.</summary>
    public required string Nonce { get; init; }

    /// <summary>Until when the login may be finished.</summary>
    public required DateTimeOffset Expires { get; init; }
}

/// <summary>Finishes a login with the issuer's token. Dispose it.</summary>
public sealed record BrowserLoginProof : IDisposable
{
    /// <summary>From the beginning.</summary>
    public required string Login { get; init; }

    /// <summary>The issuer's ID token.</summary>
    public required SecretText IdToken { get; init; }

    /// <inheritdoc/>
    public void Dispose() => IdToken.Dispose();
}

/// <summary>How a key or token is rotated.</summary>
public sealed record CredentialRotation
{
    /// <summary>How long the old one goes on; a day if absent.</summary>
    [Range(0, 2_592_000)]
    public int? OverlapSeconds { get; init; }

    /// <summary>End of the new one; absent: that of the old one. Later than that only as a server administrator.</summary>
    public DateTimeOffset? Expires { get; init; }
}

/// <summary>A rotated credential. The new secret is shown this once. Dispose it.</summary>
public sealed record RotatedCredential : IDisposable
{
    /// <summary>The new one.</summary>
    public required CredentialInfo Credential { get; init; }

    /// <summary>Its secret access key, or the token.</summary>
    public required SecretText Secret { get; init; }

    /// <summary>The old one with its end.</summary>
    public required CredentialInfo Old { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Secret.Dispose();
}

/// <summary>Changes of a credential; what is absent stays.</summary>
public sealed record CredentialUpdate
{
    /// <summary>What it is for, up to 2,048 characters.</summary>
    public string? Description { get; init; }

    /// <summary>A new end.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>False ends it in the very next request; true lets it work again, until <see cref="Expires"/> or without an end.</summary>
    public bool? Enabled { get; init; }
}
