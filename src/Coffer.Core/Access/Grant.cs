using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>
/// A policy of Coffer's own language: may whoever it hangs on do these actions on these names of this vault? Stored as
/// its JSON text; every member but <c>actions</c> or <c>role</c> has a default.
/// </summary>
public sealed record Grant
{
    /// <summary>True allows, false denies. Deny wins.</summary>
    public bool Allow { get; init; } = true;

    /// <summary>What may be done.</summary>
    public required CofferActions Actions { get; init; }

    /// <summary>The vault, or null for all of them and the server itself.</summary>
    public VaultName? Vault { get; init; }

    /// <summary>Pattern of names: <c>*</c> any run, <c>?</c> any one character; <c>*</c> alone also means the vault itself.</summary>
    public string Names { get; init; } = "*";

    /// <summary>Only versions with this label, or null.</summary>
    public VersionLabel? Label { get; init; }

    /// <summary>Only from these networks; empty = from anywhere. A call over the local socket has no address and matches none.</summary>
    public ImmutableArray<IPNetwork> Cidrs { get; init; } = [];

    /// <summary>Start, UTC microseconds, or null.</summary>
    public long? From { get; init; }

    /// <summary>End, UTC microseconds, or null.</summary>
    public long? Until { get; init; }

    /// <summary>Only secrets that carry all of these tags.</summary>
    public ImmutableSortedDictionary<string, string> Tags { get; init; } = Secret.NoTags;

    /// <summary>The canonical JSON text.</summary>
    public string ToSource() => JsonSerializer.Serialize(
        new GrantDocument
        {
            Effect = Allow ? "allow" : "deny",
            Actions = [.. ActionNames.Write(Actions)],
            Vault = Vault?.Value,
            Names = Names,
            Label = Label?.Value,
            Cidrs = Cidrs.IsEmpty ? null : [.. Cidrs.Select(c => c.ToString())],
            From = From,
            Until = Until,
            Tags = Tags.Count == 0 ? null : new SortedDictionary<string, string>(Tags, StringComparer.Ordinal),
        },
        GrantJson.Default.GrantDocument);

    /// <summary>Reads the JSON text; whatever is not exactly understood is refused.</summary>
    public static Grant Parse(string source)
    {
        GrantDocument document;
        try
        {
            document = JsonSerializer.Deserialize(source, GrantJson.Default.GrantDocument) ?? throw Error.InvalidRequest("a grant is a JSON object", "grant");
        }
        catch (JsonException)
        {
            throw Error.InvalidRequest("the grant is not JSON of the expected form", "grant");
        }

        if (document.Effect is not ("allow" or "deny"))
        {
            throw Error.InvalidRequest("the effect of a grant is allow or deny", "effect");
        }

        if (document.Actions is not { Length: > 0 } actions)
        {
            throw Error.InvalidRequest("a grant names at least one action or role", "actions");
        }

        if (document.Cidrs is [])
        {
            throw Error.InvalidRequest("an empty list of networks says neither anywhere nor nowhere", "cidrs");
        }

        if (document.Tags?.Values.Any(v => v is null) == true)
        {
            throw Error.InvalidRequest("a tag has a value", "tags");
        }

        if (document.From >= document.Until)
        {
            throw Error.InvalidRequest("a grant ends after it starts", "until");
        }

        return new()
        {
            Allow = document.Effect == "allow",
            Actions = ActionNames.Read(actions),
            Vault = document.Vault is null ? null : VaultName.Parse(document.Vault),
            Names = CheckPattern(document.Names ?? "*"),
            Label = document.Label is null ? null : VersionLabel.Parse(document.Label),
            Cidrs = [.. (document.Cidrs ?? []).Select(ParseNetwork)],
            From = document.From,
            Until = document.Until,
            Tags = document.Tags is null ? Secret.NoTags : document.Tags.ToImmutableSortedDictionary(StringComparer.Ordinal),
        };
    }

    /// <summary>
    /// Parses a network in CIDR form, or a single address. IPv4 in its usual four numbers only; an IPv4 network written as
    /// IPv6 becomes the IPv4 one, since that is how addresses are compared. Throws <see cref="CofferErrorCode.InvalidRequest"/>.
    /// </summary>
    public static IPNetwork ParseNetwork(string? text)
    {
        int slash = (text ?? "").IndexOf('/', StringComparison.Ordinal);
        string host = slash < 0 ? text ?? "" : text![..slash];
        if (host.AsSpan().ContainsAny("[]%") || !IPAddress.TryParse(host, out IPAddress? address)
            || (address.AddressFamily == AddressFamily.InterNetwork && !string.Equals(address.ToString(), host, StringComparison.Ordinal)))
        {
            throw NotANetwork();
        }

        int bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128, prefix = bits;
        if (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out prefix) || prefix > bits || (text![slash + 1] == '0' && slash + 2 < text.Length)))
        {
            throw NotANetwork();
        }

        if (address.IsIPv4MappedToIPv6)
        {
            prefix -= 96;
            address = prefix >= 0 ? address.MapToIPv4() : throw NotANetwork();
        }

        return IPNetwork.TryParse(string.Create(CultureInfo.InvariantCulture, $"{address}/{prefix}"), out IPNetwork network) && network.BaseAddress.Equals(address) ? network : throw NotANetwork();
    }

    private static CofferException NotANetwork() => Error.InvalidRequest("not a network in CIDR form", "cidrs");

    private static string CheckPattern(string pattern)
    {
        // A pattern may hold what a name may, and the two wildcards; so no pattern can name what no secret is called.
        string plain = pattern.Replace('*', 'a').Replace('?', 'a');
        return SecretName.TryParse(plain, out _) ? pattern : throw Error.InvalidName("name pattern", "the characters of a secret name, * and ?");
    }
}

/// <summary>Texts of actions and roles.</summary>
public static class ActionNames
{
    private static readonly (string Name, CofferActions Actions)[] Roles =
    [
        ("admin", CofferActions.Admin), ("writer", CofferActions.Writer), ("operator", CofferActions.Operator), ("reader", CofferActions.Reader),
    ];

    private static readonly (string Name, CofferActions Actions)[] Single =
    [
        ("list", CofferActions.List), ("describe", CofferActions.Describe), ("read", CofferActions.Read), ("write", CofferActions.Write),
        ("tag", CofferActions.Tag), ("label", CofferActions.Label), ("enable", CofferActions.Enable), ("disable", CofferActions.Disable),
        ("delete", CofferActions.Delete), ("recover", CofferActions.Recover), ("purge", CofferActions.Purge), ("rotate", CofferActions.Rotate),
        ("administer", CofferActions.Administer),
    ];

    /// <summary>Actions and roles to flags; an unknown word is refused.</summary>
    public static CofferActions Read(IEnumerable<string> words)
    {
        CofferActions actions = CofferActions.None;
        foreach (string word in words)
        {
            (string? name, CofferActions found) = Array.Find(Roles, r => r.Name == word);
            if (name is null)
            {
                (name, found) = Array.Find(Single, r => r.Name == word);
            }

            actions |= name is null ? throw Error.InvalidRequest("unknown action or role; known are " + string.Join(", ", Roles.Concat(Single).Select(r => r.Name)), "actions") : found;
        }

        return actions;
    }

    /// <summary>Flags to words: a role's name where it is exactly one.</summary>
    public static IEnumerable<string> Write(CofferActions actions)
    {
        foreach ((string name, CofferActions set) in Roles)
        {
            if (actions == set)
            {
                return [name];
            }
        }

        return Single.Where(s => (actions & s.Actions) != 0).Select(s => s.Name);
    }
}

/// <summary>The JSON of a grant.</summary>
internal sealed class GrantDocument
{
    public string? Effect { get; set; }

    public string[]? Actions { get; set; }

    public string? Vault { get; set; }

    public string? Names { get; set; }

    public string? Label { get; set; }

    public string[]? Cidrs { get; set; }

    public long? From { get; set; }

    public long? Until { get; set; }

    public SortedDictionary<string, string>? Tags { get; set; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(GrantDocument))]
internal sealed partial class GrantJson : JsonSerializerContext;
