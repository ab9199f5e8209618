using System.Collections.Immutable;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws;

internal sealed partial class AwsEndpoints
{
    private const string TokenMissing = "You must provide a ClientRequestToken value. We recommend a UUID-type value.";
    private const string BothValues = "You can't specify both a binary secret value and a string secret value in the same secret.";
    private const string NoManagedSecrets = "Managed external secrets are not supported by this server.";
    private const long MicrosecondsPerDay = 86_400_000_000;

    /// <summary>AWS keeps a hundred versions, and more only while those on top are younger than a day.</summary>
    private static readonly PruneRule Retention = new(100, MicrosecondsPerDay, ByWindow: false);

    private async Task<AwsBuffer> CreateSecretAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        SecretName name = AwsNames.ParseName(input.Name!);
        exchange.SecretId = input.Name;
        AwsReplica[] replicas = input.AddReplicaRegions is { } regions ? ReplicasOf(exchange, regions) : [];
        if (input.Type is { Length: > 0 })
        {
            throw new AwsRefusal(AwsError.InvalidParameter(NoManagedSecrets));
        }

        ImmutableSortedDictionary<string, string> tags = TagsOf(input.Tags);
        string? key = KeyOf(input.KmsKeyId);
        VersionInput? value = ValueOf(input, required: false);
        if (exchange.Caller!.HomeOf() is not { } home)
        {
            throw await NoHomeAsync(exchange, input.Name).ConfigureAwait(false);
        }

        exchange.Path = new(home, name);
        CreateSecret command = new()
        {
            Uid = SecretUid.Draw(),
            Name = name,
            Description = input.Description ?? "",
            Tags = tags,
            Annotations = new AwsAnnotation { KmsKeyId = key }.WithReplicas(exchange.Region, replicas).ToJson() is { } kept
                ? ImmutableDictionary<string, string>.Empty.Add(AwsDialect.DialectName, kept)
                : ImmutableDictionary<string, string>.Empty,
            AlsoAsks = replicas.Length == 0 ? [] : [Operation.EditMetadata],
        };
        WriteOutcome outcome = await core.Secrets.CreateAsync(exchange.Caller!, home, command, value is null ? null : value with { KeyName = key }, cancellationToken).ConfigureAwait(false);
        return AwsWire.Write(outcome, exchange.Region, withVersion: true, withStages: false, withReplicas: true);
    }

    private async Task<AwsBuffer> PutSecretValueAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        VersionInput value = ValueOf(input, required: true)! with
        {
            Labels = input.VersionStages is { } stages ? [.. stages.Distinct(StringComparer.Ordinal).Select(VersionLabel.Parse)] : null,
            MaxLabels = AwsWire.MaxStages,
        };
        WriteOutcome outcome = await core.Secrets.AddVersionAsync(exchange.Caller!, path, value, createIfMissing: false, cancellationToken).ConfigureAwait(false);
        return AwsWire.Write(outcome, exchange.Region, withVersion: true, withStages: true);
    }

    private async Task<AwsBuffer> UpdateSecretAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        if (input.Type is { Length: > 0 })
        {
            throw new AwsRefusal(AwsError.InvalidParameter(NoManagedSecrets));
        }

        VersionInput? value = ValueOf(input, required: false);
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        string? key = KeyOf(input.KmsKeyId);
        EditMetadata edit = new()
        {
            Description = input.Description,
            Annotation = input.KmsKeyId is null ? null : new(AwsDialect.DialectName, json => (AwsAnnotation.Parse(json) with { KmsKeyId = key }).ToJson()),
        };
        WriteOutcome outcome = value is null ? await core.Secrets.EditAsync(exchange.Caller!, path, edit, cancellationToken).ConfigureAwait(false)
            : edit.Description is null && edit.Annotation is null ? await core.Secrets.AddVersionAsync(exchange.Caller!, path, value, createIfMissing: false, cancellationToken).ConfigureAwait(false)
            : await core.Secrets.UpdateAsync(exchange.Caller!, path, edit, value with { KeyName = key }, cancellationToken).ConfigureAwait(false);
        return AwsWire.Write(outcome, exchange.Region, withVersion: value is not null, withStages: false);
    }

    private async Task<AwsBuffer> TagResourceAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        EditMetadata edit = new() { SetTags = TagsOf(input.Tags), MaxTags = AwsWire.MaxTags, KeepsAccess = true };
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        await core.Secrets.EditAsync(exchange.Caller!, path, edit, cancellationToken).ConfigureAwait(false);
        return AwsWire.WriteNothing();
    }

    private async Task<AwsBuffer> UntagResourceAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        EditMetadata edit = new() { RemoveTags = [.. input.TagKeys!], KeepsAccess = true };
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        await core.Secrets.EditAsync(exchange.Caller!, path, edit, cancellationToken).ConfigureAwait(false);
        return AwsWire.WriteNothing();
    }

    private async Task<AwsBuffer> DeleteSecretAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        bool force = input.ForceDeleteWithoutRecovery == true;
        AwsSecretId id = AwsNames.ParseSecretId(input.SecretId!);
        if (force && input.RecoveryWindowInDays is not null)
        {
            throw new AwsRefusal(AwsError.InvalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."));
        }

        if (input.RecoveryWindowInDays is < 7 or > 30)
        {
            throw new AwsRefusal(AwsError.InvalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."));
        }

        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        long now = core.Clock.Now();
        if (!force)
        {
            WriteOutcome deleted = await core.Secrets.DeleteAsync(exchange.Caller!, path, input.RecoveryWindowInDays * MicrosecondsPerDay, cancellationToken).ConfigureAwait(false);
            return AwsWire.WriteDeletion(AwsNames.Arn(exchange.Region, deleted.Vault, deleted.Head), deleted.Head.Name.Value, deleted.Head.PurgeAt ?? now);
        }

        try
        {
            // Under purge protection this too is a recoverable deletion, with its own date.
            WriteOutcome purged = await core.Secrets.PurgeAsync(exchange.Caller!, path, cancellationToken).ConfigureAwait(false);
            long date = purged.Events.HasFlag(SecretEvents.Purged) ? now : purged.Head.PurgeAt ?? now;
            return AwsWire.WriteDeletion(AwsNames.Arn(exchange.Region, purged.Vault, purged.Head), purged.Head.Name.Value, date);
        }
        catch (CofferException missing) when (missing.Code == CofferErrorCode.NotFound)
        {
            // Only who may purge gets here: for them a forced deletion of nothing succeeds, as in AWS.
            string arn = AwsNames.Arn(exchange.Region, id.Account ?? exchange.Account, id.Name.Value, id.Suffix ?? AwsNames.DrawSuffix());
            return AwsWire.WriteDeletion(arn, id.Name.Value, now);
        }
    }

    private async Task<AwsBuffer> RestoreSecretAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        WriteOutcome outcome = await core.Secrets.RecoverAsync(exchange.Caller!, path, cancellationToken).ConfigureAwait(false);
        return AwsWire.Write(outcome, exchange.Region, withVersion: false, withStages: false);
    }

    /// <summary>The value that came along, or null. Refused before any secret is looked up, so the answers say nothing about one.</summary>
    private static VersionInput? ValueOf(AwsInput input, bool required)
    {
        if (input.SecretString is not null && input.SecretBinary is not null)
        {
            throw new AwsRefusal(AwsError.InvalidParameter(BothValues));
        }

        if ((input.SecretString ?? input.SecretBinary) is not { } value)
        {
            return required ? throw new AwsRefusal(AwsError.InvalidRequest("You must provide either SecretString or SecretBinary.")) : null;
        }

        return new()
        {
            Value = value,
            Kind = input.SecretString is not null ? ValueKind.Text : ValueKind.Binary,
            Token = RequestToken.Parse(input.ClientRequestToken ?? throw new AwsRefusal(AwsError.InvalidRequest(TokenMissing))),
            Prune = Retention,
        };
    }

    /// <summary>The key named, or null for the default one.</summary>
    private static string? KeyOf(string? named) => named is { Length: > 0 } and not AwsWire.DefaultKeyAlias ? named : null;

    private static ImmutableSortedDictionary<string, string> TagsOf(IReadOnlyList<AwsTag>? tags)
    {
        if (tags is null)
        {
            return Secret.NoTags;
        }

        if (tags.Count > AwsWire.MaxTags)
        {
            throw new AwsRefusal(AwsError.LimitExceeded("A secret can have at most 50 tags."));
        }

        ImmutableSortedDictionary<string, string>.Builder pairs = Secret.NoTags.ToBuilder();
        foreach (AwsTag tag in tags)
        {
            if (tag.Key!.StartsWith("aws:", StringComparison.OrdinalIgnoreCase))
            {
                throw new AwsRefusal(AwsError.InvalidParameter("Tag keys that begin with aws: are reserved."));
            }

            if (!pairs.TryAdd(tag.Key, tag.Value ?? ""))
            {
                throw new AwsRefusal(AwsError.InvalidParameter("Duplicate tag keys found."));
            }
        }

        return pairs.ToImmutable();
    }
}
