using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Coffer.Core.Access;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>
/// Who a principal is in AWS: a role or a user in the account of its home vault, under a name that may have capitals and a
/// path. The same on every wire; only a session's name is known on AWS alone.
/// </summary>
internal sealed class AwsIdentity
{
    private static readonly ConditionalWeakTable<Principal, AwsProfile> Profiles = [];

    private readonly AwsProfile _profile;
    private string? _sessionArn;

    private AwsIdentity(Principal principal, AwsProfile profile, string account, string? session, ImmutableSortedDictionary<string, string> sessionTags)
    {
        Principal = principal;
        _profile = profile;
        Account = account;
        Session = session is { Length: > 0 } ? session : principal.Name.Value;
        Tags = sessionTags.IsEmpty ? profile.Tags : profile.Tags.SetItems(sessionTags);
        Arn = $"arn:aws:iam::{account}:{(IsRole ? "role" : "user")}{profile.Path}{Name}";
    }

    public Principal Principal { get; }

    /// <summary>The twelve digits of the home vault; zeros without one.</summary>
    public string Account { get; }

    public bool IsRole => _profile.IsRole;

    public string Name => _profile.Name;

    public string Path => _profile.Path;

    public AwsProfile Profile => _profile;

    /// <summary>The session's name, of roles.</summary>
    public string Session { get; }

    /// <summary>Tags of the principal and, over them, of the session.</summary>
    public ImmutableSortedDictionary<string, string> Tags { get; }

    /// <summary>The role's or user's ARN.</summary>
    public string Arn { get; }

    /// <summary>The ARN of the caller itself: of a role that of the session, without the role's path.</summary>
    public string SessionArn => _sessionArn ??= IsRole ? $"arn:aws:sts::{Account}:assumed-role/{Name}/{Session}" : Arn;

    /// <summary>The unique id: of a role with the session's name.</summary>
    public string UserId => IsRole ? $"{UniqueId}:{Session}" : UniqueId;

    /// <summary>The unique id of the role or user.</summary>
    public string UniqueId => AwsNames.UniqueId(IsRole ? "AROA" : "AIDA", Principal.Id);

    /// <summary>The principal as it is in AWS, outside a call.</summary>
    public static AwsIdentity Of(AccessSnapshot access, Principal principal, string? session = null, ImmutableSortedDictionary<string, string>? sessionTags = null) =>
        new(principal, ProfileOf(principal), AwsNames.Account(principal.Home, access), session, sessionTags ?? Secret.NoTags);

    /// <summary>The caller as it is in AWS.</summary>
    public static AwsIdentity Of(AccessSnapshot access, Caller caller) =>
        Of(access, access.Principals.GetValueOrDefault(caller.Principal.Id) ?? caller.Principal, caller.Session, caller.SessionTags);

    /// <summary>What this wire knows about a principal.</summary>
    public static AwsProfile ProfileOf(Principal principal) => Profiles.GetValue(principal, static p => AwsProfile.Of(p));
}
