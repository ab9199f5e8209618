using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>What a policy is for. Only identity and resource policies can allow; the others only limit. Numbers are stored.</summary>
public enum PolicyUse
{
    /// <summary>On a principal, group, credential, or the server: says what they may do.</summary>
    Identity = 1,

    /// <summary>On a secret, vault or server: says who may.</summary>
    Resource = 2,

    /// <summary>Limits one principal.</summary>
    Boundary = 3,

    /// <summary>Limits everyone.</summary>
    Organisation = 4,

    /// <summary>Limits one session.</summary>
    Session = 5,

    /// <summary>Says who may become a principal.</summary>
    Trust = 6,

    /// <summary>Kept to be attached elsewhere: applies to nothing by itself.</summary>
    Library = 7,
}

/// <summary>What a policy hangs on. Numbers are stored.</summary>
public enum AttachmentKind
{
    /// <summary>The whole server.</summary>
    Server = 1,

    /// <summary>A vault, by number.</summary>
    Vault = 2,

    /// <summary>A secret, by uid, so that it goes with it.</summary>
    Secret = 3,

    /// <summary>A principal, by id.</summary>
    Principal = 4,

    /// <summary>A group, by id.</summary>
    Group = 5,

    /// <summary>A credential, by public id.</summary>
    Credential = 6,
}

/// <summary>What a policy hangs on, as one ordinal key.</summary>
/// <param name="Kind">What kind of object.</param>
/// <param name="Id">Its id in canonical text; '' for the server.</param>
public readonly record struct Attachment(AttachmentKind Kind, string Id)
{
    /// <summary>The whole server.</summary>
    public static Attachment Server { get; } = new(AttachmentKind.Server, "");

    /// <summary>A vault.</summary>
    public static Attachment To(VaultNumber vault) => new(AttachmentKind.Vault, vault.ToString());

    /// <summary>A secret.</summary>
    public static Attachment To(SecretUid secret) => new(AttachmentKind.Secret, secret.ToString());

    /// <summary>A principal.</summary>
    public static Attachment ToPrincipal(Guid id) => new(AttachmentKind.Principal, id.ToString("D"));

    /// <summary>A group.</summary>
    public static Attachment ToGroup(Guid id) => new(AttachmentKind.Group, id.ToString("D"));

    /// <summary>A credential.</summary>
    public static Attachment ToCredential(string publicId) => new(AttachmentKind.Credential, publicId);
}

/// <summary>One policy document, kept as received and judged by its own language.</summary>
public sealed record Policy
{
    /// <summary>Never changes.</summary>
    public required Guid Id { get; init; }

    /// <summary>Which language it is written in (its name in the server's list).</summary>
    public required string Language { get; init; }

    /// <summary>Name, unique in its language and attachment.</summary>
    public required string Name { get; init; }

    /// <summary>What it is for.</summary>
    public required PolicyUse Use { get; init; }

    /// <summary>The text as received.</summary>
    public required string Source { get; init; }

    /// <summary>What it hangs on.</summary>
    public required Attachment AttachedTo { get; init; }

    /// <summary>Creation, UTC microseconds.</summary>
    public required long Created { get; init; }

    /// <summary>Name of the principal who wrote it.</summary>
    public required string CreatedBy { get; init; }

    /// <summary>+1 on any change.</summary>
    public int Revision { get; init; } = 1;

    /// <summary>Authenticates the row; empty before it was saved.</summary>
    public ReadOnlyMemory<byte> Mac { get; init; }
}
