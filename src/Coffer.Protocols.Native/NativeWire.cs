using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;
using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Rotations;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

/// <summary>JSON in and out, and the core's objects as the contracts show them.</summary>
internal static partial class NativeWire
{
    private const string Json = "application/json";

    /// <summary>What every answer carries. Nothing of this API is ever kept by a cache.</summary>
    public static void Begin(HttpContext context)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
        headers["X-Request-Id"] = context.RequestId();
    }

    /// <summary>Whether the body says that it is JSON in UTF-8.</summary>
    public static bool IsJson(HttpContext context) =>
        Microsoft.Net.Http.Headers.MediaTypeHeaderValue.TryParse(context.Request.ContentType, out Microsoft.Net.Http.Headers.MediaTypeHeaderValue? type)
        && type.MediaType.Equals(Json, StringComparison.OrdinalIgnoreCase)
        && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase));

    /// <summary>Reads the body strictly. What is wrong with it is told without a word of it.</summary>
    public static async ValueTask<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type, long limit)
    {
        using RequestBody body = await RequestBody.ReadAsync(context, limit).ConfigureAwait(false);
        if (body.Span.IsEmpty)
        {
            throw Error.InvalidRequest("the body is empty; it must be a JSON object", "body");
        }

        try
        {
            return JsonSerializer.Deserialize(body.Span, type) ?? throw Error.InvalidRequest("the body must be a JSON object", "body");
        }
        catch (JsonException failure)
        {
            // The path and the inner message may quote the body; the position cannot.
            throw Error.InvalidRequest($"the body is not valid here: line {(failure.LineNumber ?? 0) + 1}, byte {failure.BytePositionInLine ?? 0}; known members and types are in /coffer/openapi.json", "body");
        }
    }

    /// <summary>Writes one object.</summary>
    public static async Task WriteAsync<T>(HttpContext context, int status, T value, JsonTypeInfo<T> type, string contentType = Json)
    {
        using ZeroingBuffer buffer = ZeroingBuffer.Of(value, type);
        await WriteAsync(context, status, buffer, contentType).ConfigureAwait(false);
    }

    /// <summary>Writes one value with its version, from the core's buffer to the connection.</summary>
    public static async Task WriteAsync(HttpContext context, SecretReading reading, long now)
    {
        using ZeroingBuffer buffer = new();
        using (Utf8JsonWriter writer = new(buffer, ZeroingBuffer.Json))
        {
            writer.WriteStartObject();
            writer.WriteString("vault"u8, reading.Vault.Name.Value);
            writer.WriteString("name"u8, reading.Head.Name.Value);
            writer.WritePropertyName("version"u8);
            JsonSerializer.Serialize(writer, Info(reading.Version, reading.Labels, now), ContractsJson.Default.VersionInfo);
            WriteValue(writer, reading);
            writer.WriteEndObject();
        }

        context.Response.Headers.ETag = $"\"{reading.Version.Number}\"";
        await WriteAsync(context, StatusCodes.Status200OK, buffer, Json).ConfigureAwait(false);
    }

    /// <summary>Writes a batch: one value or error each, in order.</summary>
    public static async Task WriteAsync(HttpContext context, IReadOnlyList<(SecretReading? Reading, CofferError? Failure)> outcomes)
    {
        using ZeroingBuffer buffer = new();
        using (Utf8JsonWriter writer = new(buffer, ZeroingBuffer.Json))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("values"u8);
            foreach ((SecretReading? reading, CofferError? failure) in outcomes)
            {
                writer.WriteStartObject();
                if (reading is not null)
                {
                    WriteValue(writer, reading);
                }
                else
                {
                    writer.WritePropertyName("error"u8);
                    JsonSerializer.Serialize(writer, new ResolveError(NativeErrors.Describe(failure!.Code).Code, failure.Message), ContractsJson.Default.ResolveError);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        await WriteAsync(context, StatusCodes.Status200OK, buffer, Json).ConfigureAwait(false);
    }

    /// <summary>A value that came in, in the core's own buffer: exactly one of the two, or null where neither is needed.</summary>
    public static (SecretValue? Value, ValueKind Kind) Value(SecretText? text, SecretBytes? bytes, bool required) => (text, bytes) switch
    {
        (not null, null) => (SecretValue.Copy(text.Utf8), ValueKind.Text),
        (null, not null) => (SecretValue.Copy(bytes.Span), ValueKind.Binary),
        (null, null) when !required => (null, ValueKind.Text),
        _ => throw Error.InvalidCombination("a value is given as text or as base64, and as one of them only", "text"),
    };

    /// <summary>The items, none of which is null: JSON can say what the types cannot.</summary>
    public static IEnumerable<T> Whole<T>(IEnumerable<T> items, string parameter)
        where T : class =>
        items.All(i => i is not null) ? items : throw Error.InvalidRequest($"{parameter} has a null in it", parameter);

    /// <summary>A vault.</summary>
    public static VaultInfo Info(Vault vault) => new()
    {
        Name = vault.Name.Value,
        Number = vault.Number.ToString(),
        Description = vault.Description,
        Created = Microseconds.ToTime(vault.Created),
        RetentionDays = vault.RetentionDays,
        PurgeProtection = vault.PurgeProtection,
        Owner = vault.Owner,
        Project = vault.Project,
        Stage = vault.Stage == VaultStage.None ? null : vault.Stage.ToString().ToLowerInvariant(),
        SeparateDuties = vault.SeparateDuties,
        Approvals = [.. NativeNames.Approvals(vault.Approvals)],
    };

    /// <summary>A secret without versions.</summary>
    public static SecretInfo Info(Vault vault, Secret head) => new()
    {
        Vault = vault.Name.Value,
        Name = head.Name.Value,
        Uid = head.Uid.ToString(),
        Description = head.Description,
        Tags = head.Tags,
        Current = head.Current,
        VersionCount = head.VersionCount,
        Created = Microseconds.ToTime(head.Created),
        Changed = Microseconds.ToTime(head.Changed),
        Deleted = Time(head.DeletedAt),
        PurgeAt = Time(head.PurgeAt),
        Expires = Time(head.Expires),
        LastRead = Day(head.LastReadDay),
        Rotation = RotationSettings.Of(head) is { } rotation ? Info(rotation) : null,
        ETag = head.ETag,
    };

    private static RotationInfo Info(RotationSettings rotation) => new()
    {
        Enabled = rotation.Enabled,
        Function = rotation.Function,
        Days = rotation.Rules?.Days,
        Schedule = rotation.Rules?.Expression,
        Last = Time(rotation.Last),
        Next = Time(rotation.Next?.Start),
        NextUntil = Time(rotation.Next?.End),
        Attempts = rotation.Run?.Attempts,
    };

    /// <summary>A secret with its labelled versions.</summary>
    public static SecretInfo Info(SecretDescription description, long now) => Info(description.Vault, description.Head) with
    {
        Versions = [.. description.Versions.Select(v => Info(v.Version, v.Labels, now))],
    };

    /// <summary>A version.</summary>
    public static VersionInfo Info(SecretVersion version, ImmutableArray<VersionLabel> labels, long now) => new()
    {
        Number = version.Number,
        Id = version.Id.ToString(),
        State = version.StateAt(now) switch
        {
            VersionState.Destroyed => "destroyed",
            VersionState.Disabled => "disabled",
            VersionState.Enabled => version.HasValue ? "enabled" : "pending",
        },
        Kind = version.Kind switch { ValueKind.Text => "text", ValueKind.Binary => "binary", ValueKind.Object => "object" },
        Size = version.Size,
        Labels = [.. labels.Select(l => l.Value)],
        Created = Microseconds.ToTime(version.Created),
        Updated = Microseconds.ToTime(version.Updated),
        CreatedBy = version.CreatedBy,
        Wire = version.Wire,
        ContentType = version.ContentType,
        NotBefore = Time(version.NotBefore),
        Expires = Time(version.Expires),
        DisabledAt = Time(version.DisabledAt),
        DestroyAt = Time(version.DestroyAt),
        Destroyed = Time(version.DestroyedAt),
        LastRead = Day(version.LastReadDay),
    };

    /// <summary>What a write left behind.</summary>
    public static WriteResult Result(WriteOutcome outcome, long now) => new()
    {
        Secret = Info(outcome.Vault, outcome.Head),
        Version = outcome.Version is null ? null : Info(outcome.Version, outcome.Labels, now),
        Changed = outcome.Events != SecretEvents.None,
    };

    /// <summary>A principal; with its groups where they were asked for.</summary>
    public static PrincipalInfo Info(Principal principal, ImmutableArray<Group>? groups = null) => new()
    {
        Name = principal.Name.Value,
        Id = principal.Id,
        Kind = Text(principal.Kind),
        Home = principal.Home?.Value,
        Enabled = principal.Enabled,
        Description = principal.Description,
        Created = Microseconds.ToTime(principal.Created),
        Groups = groups is { } own ? [.. own.Select(g => g.Name.Value).Order(StringComparer.Ordinal)] : null,
    };

    /// <summary>A group; with its members where they were asked for.</summary>
    public static GroupInfo Info(Group group, IEnumerable<Principal>? members = null) => new()
    {
        Name = group.Name.Value,
        Id = group.Id,
        Created = Microseconds.ToTime(group.Created),
        Members = members is null ? null : [.. members.Select(m => m.Name.Value)],
    };

    /// <summary>A credential, never its secret.</summary>
    public static CredentialInfo Info(Credential credential, PrincipalName? principal) => new()
    {
        Id = credential.PublicId,
        Kind = credential.Kind switch
        {
            CredentialKind.AccessKey => "access-key",
            CredentialKind.Token => "token",
            CredentialKind.ClientSecret => "client-secret",
            CredentialKind.ServiceAccountKey => "service-account-key",
            CredentialKind.SecretId => "secret-id",
            CredentialKind.Password => "password",
            CredentialKind.Certificate => "certificate",
            CredentialKind.OneTimeCode => "one-time-code",
            CredentialKind.RecoveryCode => "recovery-code",
            CredentialKind.Invitation => "invitation",
        },
        Principal = principal?.Value,
        Description = credential.Description,
        Created = Microseconds.ToTime(credential.Created),
        Expires = Time(credential.Expires),
        UsesLeft = credential.UsesLeft,
        Cidrs = [.. credential.Cidrs.Select(c => c.ToString())],
        LastUsed = Day(credential.LastUsedDay),
    };

    /// <summary>A grant.</summary>
    public static GrantInfo Info(GrantEntry entry) => new()
    {
        Id = entry.Id,
        Effect = entry.Grant.Allow ? "allow" : "deny",
        Principal = entry.IsGroup ? null : entry.Subject.Value,
        Group = entry.IsGroup ? entry.Subject.Value : null,
        Actions = [.. ActionNames.Write(entry.Grant.Actions)],
        Vault = entry.Grant.Vault?.Value,
        Names = entry.Grant.Names,
        Label = entry.Grant.Label?.Value,
        Cidrs = [.. entry.Grant.Cidrs.Select(c => c.ToString())],
        From = Time(entry.Grant.From),
        Until = Time(entry.Grant.Until),
        Tags = entry.Grant.Tags,
        Created = Microseconds.ToTime(entry.Policy.Created),
        CreatedBy = entry.Policy.CreatedBy,
    };

    /// <summary>A seal's type as the API calls it.</summary>
    public static string? SealName(string? type) => type == KeyFileSeal.TypeName ? "key-file" : type;

    /// <summary>The word for a kind of principal.</summary>
    public static string Text(PrincipalKind kind) => kind switch
    {
        PrincipalKind.Workload => "workload",
        PrincipalKind.Person => "person",
        PrincipalKind.Operator => "operator",
    };

    /// <summary>A time that may be absent.</summary>
    public static DateTimeOffset? Time(long? microseconds) => microseconds is { } time ? Microseconds.ToTime(time) : null;

    /// <summary>A day that may be absent.</summary>
    public static DateOnly? Day(int? day) => day is { } number ? DateOnly.FromDateTime(DateTime.UnixEpoch.AddDays(number)) : null;

    private static void WriteValue(Utf8JsonWriter writer, SecretReading reading)
    {
        ReadOnlySpan<byte> value = reading.Value.Span;
        if (reading.Version.Kind is ValueKind.Text or ValueKind.Object && Utf8.IsValid(value))
        {
            writer.WriteString("text"u8, value);
        }
        else
        {
            writer.WriteBase64String("base64"u8, value);
        }
    }

    private static async Task WriteAsync(HttpContext context, int status, ZeroingBuffer buffer, string contentType)
    {
        HttpResponse response = context.Response;
        response.StatusCode = status;
        response.ContentType = contentType;
        response.ContentLength = buffer.WrittenMemory.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.BodyWriter.WriteAsync(buffer.WrittenMemory, context.RequestAborted).ConfigureAwait(false);
        }
    }
}
