using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Rotations;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>What is known of a condition key.</summary>
internal enum IamKeyState
{
    /// <summary>The request does not carry it.</summary>
    Absent = 0,

    /// <summary>The request would carry it on its own wire, and what it would be is not known here.</summary>
    Unknown = 1,

    /// <summary>It has values, none perhaps where it is a list.</summary>
    Present = 2,
}

/// <summary>A condition key's values for one request.</summary>
internal readonly struct IamKey
{
    private readonly string? _one;
    private readonly ImmutableArray<string> _many;

    private IamKey(IamKeyState state, string? one, ImmutableArray<string> many)
    {
        State = state;
        _one = one;
        _many = many;
    }

    public static IamKey Absent => default;

    public static IamKey Unknown { get; } = new(IamKeyState.Unknown, null, default);

    public IamKeyState State { get; }

    public int Count => _one is not null ? 1 : _many.IsDefault ? 0 : _many.Length;

    /// <summary>The value where there is exactly one and the key is no list: what a variable stands for.</summary>
    public string? Single => _one;

    public string this[int index] => _one ?? _many[index];

    public static IamKey Of(string? value) => value is null ? default : new(IamKeyState.Present, value, default);

    public static IamKey Of(bool value) => Of(value ? "true" : "false");

    public static IamKey Of(bool? value) => value is { } known ? Of(known) : default;

    public static IamKey OfMany(IEnumerable<string>? values) => values is null ? default : new(IamKeyState.Present, null, [.. values]);
}

/// <summary>
/// Condition keys of one question, looked up when a condition asks. A question that came over another wire fills what it
/// can; what the native call would carry and the translation cannot fill is unknown.
/// </summary>
internal sealed class IamContext(AccessRequest request, AwsIdentity caller, IamAction action, IamResource resource, AwsExchange? native)
{
    /// <summary>A key by its name in lower case.</summary>
    public IamKey Get(string key) => key switch
    {
        "aws:principalarn" => IamKey.Of(caller.Arn),
        "aws:principalaccount" => IamKey.Of(caller.Account),
        "aws:principaltype" => IamKey.Of(caller.IsRole ? "AssumedRole" : "User"),
        "aws:userid" => IamKey.Of(caller.UserId),
        "aws:username" => caller.IsRole ? IamKey.Absent : IamKey.Of(caller.Name),
        "aws:sourceip" => IamKey.Of(AddressOf(request.Caller.Address)),
        "aws:securetransport" => IamKey.Of(true),
        "aws:viaawsservice" or "aws:principalisawsservice" => IamKey.Of(false),
        "aws:currenttime" => IamKey.Of(Microseconds.ToTime(request.Now).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)),
        "aws:epochtime" => IamKey.Of((request.Now / Microseconds.PerSecond).ToString(CultureInfo.InvariantCulture)),
        "aws:tokenissuetime" => request.Caller.Issued is { } issued ? IamKey.Of(Microseconds.ToTime(issued).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)) : IamKey.Absent,
        "aws:multifactorauthpresent" => request.Caller.Issued is null ? IamKey.Absent : IamKey.Of(false),
        "aws:useragent" => IamKey.Of(request.Caller.UserAgent),
        "aws:resourceaccount" => request.Vault is { } vault ? IamKey.Of(vault.Number.ToString()) : IamKey.Absent,
        "aws:tagkeys" => TagKeys(),
        "aws:sourceidentity" => IamKey.Absent,

        // The caller chooses the region, and every region is the same one: it proves nothing.
        "aws:requestedregion" or "secretsmanager:secretprimaryregion" => IamKey.Unknown,
        _ => key.StartsWith("secretsmanager:", StringComparison.Ordinal) ? Secret(key["secretsmanager:".Length..])
            : key.StartsWith("sts:", StringComparison.Ordinal) ? Sts(key["sts:".Length..])
            : Tagged(key, "aws:principaltag/") is { } own ? TagOf(caller.Tags, own)
            : Tagged(key, "aws:resourcetag/") is { } tag ? TagOf(request.Head?.Tags, tag)
            : Tagged(key, "aws:requesttag/") is { } asked ? RequestTag(asked)
            : native?.TokenClaims is { } claims ? Claim(claims, key) : IamKey.Absent,
    };

    private static string? Tagged(string key, string prefix) => key.StartsWith(prefix, StringComparison.Ordinal) ? key[prefix.Length..] : null;

    /// <summary>An address as it stands in policies: IPv4 where it is one.</summary>
    private static string? AddressOf(IPAddress? address) => address is null ? null : (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();

    /// <summary>Tag keys in conditions are read without case; where two tags differ in case alone, neither proves anything.</summary>
    private static IamKey TagOf(IEnumerable<KeyValuePair<string, string>>? tags, string key)
    {
        IamKey found = IamKey.Absent;
        foreach ((string name, string value) in tags ?? [])
        {
            if (string.Equals(name, key, StringComparison.OrdinalIgnoreCase))
            {
                if (found.State == IamKeyState.Present)
                {
                    return IamKey.Unknown;
                }

                found = IamKey.Of(value);
            }
        }

        return found;
    }

    private IamKey Secret(string key) => key switch
    {
        "secretid" => !action.HasResource ? IamKey.Absent : IamKey.Of(native?.SecretId is { } sent && native.IsAbout(request.Name) ? sent : resource.Text),
        "resource/type" => IamKey.Absent,
        "resource/allowrotationlambdaarn" => request.Head is { Rotation: not null } head ? IamKey.Of(RotationSettings.Of(head)?.Function) : IamKey.Absent,
        "versionid" => VersionId(),
        "versionstage" => VersionStage(),
        "name" => action.Name == "secretsmanager:CreateSecret" ? IamKey.Of(request.Name?.Value) : IamKey.Absent,
        _ when key.StartsWith("resourcetag/", StringComparison.Ordinal) => TagOf(request.Head?.Tags, key["resourcetag/".Length..]),
        _ => native is { Input: { } input } ? Member(input, key) : Translated(key),
    };

    /// <summary>What the call on this wire carries.</summary>
    private IamKey Member(AwsInput input, string key) => key switch
    {
        "description" => IamKey.Of(input.Description),
        "kmskeyid" => IamKey.Of(input.KmsKeyId),
        "kmskeyarn" => input.KmsKeyId is { } id && id.StartsWith("arn:", StringComparison.Ordinal) ? IamKey.Of(id) : input.KmsKeyId is null ? IamKey.Absent : IamKey.Unknown,
        "type" => IamKey.Of(input.Type),
        "forcedeletewithoutrecovery" => action.Name == "secretsmanager:DeleteSecret" ? IamKey.Of(input.ForceDeleteWithoutRecovery == true) : IamKey.Absent,
        "recoverywindowindays" => IamKey.Of(input.RecoveryWindowInDays?.ToString(CultureInfo.InvariantCulture)),
        "rotationlambdaarn" => IamKey.Of(native?.Rotation?.LambdaArn),
        "rotateimmediately" => IamKey.Of(native?.Rotation?.Immediately),
        "modifyrotationrules" => IamKey.Of(native?.Rotation?.ModifiesRules),
        "blockpublicpolicy" => IamKey.Of(input.BlockPublicPolicy),
        "addreplicaregions" => IamKey.OfMany(input.AddReplicaRegions?.Select(r => r.Key!)),
        "forceoverwritereplicasecret" => IamKey.Of(input.ForceOverwriteReplicaSecret),
        _ => IamKey.Absent,
    };

    /// <summary>What a call on another wire can be said to carry.</summary>
    private IamKey Translated(string key) => (key, action.Name) switch
    {
        ("forcedeletewithoutrecovery", "secretsmanager:DeleteSecret") => IamKey.Of(request.Operation is Operation.PurgeSecret or Operation.DestroyVersion),
        ("recoverywindowindays", "secretsmanager:DeleteSecret") => request.Operation is Operation.PurgeSecret or Operation.DestroyVersion ? IamKey.Absent
            : request.Vault is { } vault ? IamKey.Of(vault.RetentionDays.ToString(CultureInfo.InvariantCulture)) : IamKey.Unknown,
        ("description" or "kmskeyid" or "kmskeyarn" or "type", "secretsmanager:CreateSecret" or "secretsmanager:UpdateSecret") => IamKey.Unknown,
        ("rotationlambdaarn" or "rotateimmediately" or "modifyrotationrules" or "externalsecretrotationrolearn", "secretsmanager:RotateSecret") => IamKey.Unknown,
        _ => IamKey.Absent,
    };

    private IamKey VersionId()
    {
        if (action.Name != "secretsmanager:GetSecretValue")
        {
            return IamKey.Absent;
        }

        return request.Version switch
        {
            VersionSelector.ByToken by => IamKey.Of(by.Token.Value),
            VersionSelector.ById by => IamKey.Of(by.Id.ToUuid()),
            VersionSelector.ByNumber => IamKey.Unknown,
            _ => IamKey.Absent,
        };
    }

    /// <summary>As asked for; for a version asked for by itself, the stages that it carries.</summary>
    private IamKey VersionStage() => action.Name switch
    {
        "secretsmanager:UpdateSecretVersionStage" => native is { Input.VersionStage: { } stage } ? IamKey.Of(stage) : IamKey.OfMany(request.Labels.Select(l => l.Value)),
        "secretsmanager:GetSecretValue" => request.Version switch
        {
            VersionSelector.ByToken { Label: { } label } => IamKey.Of(label.Value),
            VersionSelector.ByLabel by => IamKey.Of(by.Label.Value),
            VersionSelector.CurrentVersion or null => IamKey.Of(VersionLabel.Current.Value),
            _ => IamKey.OfMany(request.Labels.Select(l => l.Value)),
        },
        _ => IamKey.Absent,
    };

    private bool Tags => action.Name is "secretsmanager:CreateSecret" or "secretsmanager:TagResource" or "secretsmanager:UntagResource" or "sts:AssumeRole" or "sts:TagSession";

    private IamKey TagKeys() => !Tags ? IamKey.Absent
        : native is null ? IamKey.Unknown
        : native.RequestTags is { } asked ? IamKey.OfMany(asked.Keys)
        : native.Input is { } input ? IamKey.OfMany(input.Tags?.Select(t => t.Key!) ?? input.TagKeys) : IamKey.Absent;

    private IamKey RequestTag(string key) => !Tags ? IamKey.Absent
        : native is null ? IamKey.Unknown
        : native.RequestTags is { } asked ? TagOf(asked, key)
        : TagOf(native.Input?.Tags?.Select(t => KeyValuePair.Create(t.Key!, t.Value ?? "")), key);

    private IamKey Sts(string key) => native?.Parameters is not { } parameters ? IamKey.Absent : key switch
    {
        "externalid" => IamKey.Of(parameters.GetValueOrDefault("ExternalId")),
        "rolesessionname" => IamKey.Of(parameters.GetValueOrDefault("RoleSessionName")),
        "transitivetagkeys" => IamKey.OfMany(parameters.Where(p => p.Key.StartsWith("TransitiveTagKeys.member.", StringComparison.Ordinal)).Select(p => p.Value ?? "")),
        _ => IamKey.Absent,
    };

    /// <summary>A claim of the token, under the issuer's name without its scheme.</summary>
    private static IamKey Claim(AwsTokenClaims claims, string key) =>
        key.StartsWith(claims.Prefix, StringComparison.OrdinalIgnoreCase)
            ? key[claims.Prefix.Length..] is var name && claims.Values.FirstOrDefault(c => string.Equals(c.Key, name, StringComparison.OrdinalIgnoreCase)) is { Key: not null } claim
                ? claim.Value is [var only] ? IamKey.Of(only) : IamKey.OfMany(claim.Value)
                : IamKey.Absent
            : IamKey.Absent;
}

/// <summary>Claims of a token by which a role is asked for, as keys of a condition.</summary>
/// <param name="Prefix">The issuer without its scheme, and a colon.</param>
/// <param name="Values">The claims.</param>
internal sealed record AwsTokenClaims(string Prefix, IReadOnlyDictionary<string, ImmutableArray<string>> Values);
