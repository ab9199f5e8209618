using System.Collections.Immutable;
using System.Globalization;
using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

internal sealed partial class NativeEndpoints
{
    private const string SecretsPath = "/coffer/v1/vaults/{vault}/secrets";
    private const string SecretPart = SecretsPath + "/{name}";
    private const int MostReferences = 100;
    private const long MostResolvedBytes = 16 * 1024 * 1024;

    private IEnumerable<NativeRoute> SecretRoutes()
    {
        yield return new NativeRoute
        {
            Method = HttpMethods.Get,
            Template = SecretPart + "/value",
            Id = "getValue",
            Summary = "Reads a value: the current one, or that of a version or label.",
            Query = [new("version", "Number or id of the version."), new("label", "Label of the version.")],
            Answer = ContractsJson.Default.SecretContent,
            Handler = GetValueAsync,
        };
        yield return new NativeRoute
        {
            Method = HttpMethods.Post,
            Template = "/coffer/v1/resolve",
            Id = "resolve",
            Summary = "Reads up to 100 values, each decided by itself.",
            Body = ContractsJson.Strict.ResolveRequest,
            Answer = ContractsJson.Default.ResolveResult,
            Handler = ResolveAsync,
        };
        yield return Ask(HttpMethods.Get, SecretsPath, "listSecrets", "Lists the secrets of a vault, those that the caller may see.", ContractsJson.Default.SecretList, ListAsync) with
        {
            Query =
            [
                new("prefix", "Only names that begin so."),
                new("limit", "Most secrets on a page, 1 to 1000; 100 if absent.", "integer"),
                new("page", "The next of the page before."),
                new("order", "name, created, changed or lastRead; with - in front backwards."),
                new("deleted", "exclude, include or only: whether to show secrets scheduled for deletion."),
            ],
        };
        yield return Tell(HttpMethods.Post, SecretsPath, "createSecret", "Creates a secret, with a first version where a value is given.",
            ContractsJson.Strict.NewSecret, ContractsJson.Default.WriteResult, CreateAsync, NativeRoute.ValueBodyBytes) with { Statuses = [201, 200] };
        yield return Ask(HttpMethods.Get, SecretPart, "getSecret", "Metadata of a secret with its labelled versions.", ContractsJson.Default.SecretInfo, GetAsync);
        yield return Tell(HttpMethods.Put, SecretPart, "putValue", "Adds a version; creates the secret where there is none. If-Match names the number of the version that must be current.",
            ContractsJson.Strict.NewValue, ContractsJson.Default.WriteResult, PutAsync, NativeRoute.ValueBodyBytes) with { Statuses = [200, 201] };
        yield return Tell(HttpMethods.Patch, SecretPart, "updateSecret", "Changes description and tags. If-Match names the etag that must still hold.",
            ContractsJson.Strict.SecretChange, ContractsJson.Default.WriteResult, UpdateAsync);
        yield return Ask(HttpMethods.Delete, SecretPart, "deleteSecret", "Deletes recoverably, or for good.", ContractsJson.Default.WriteResult, DeleteAsync) with
        {
            Query =
            [
                new("days", "For how many days it can be recovered, 7 to 90; the vault's retention if absent.", "integer"),
                new("purge", "true removes it for good at once.", "boolean"),
            ],
        };
        yield return Ask(HttpMethods.Get, SecretPart + "/versions", "listVersions", "Lists versions, newest first.", ContractsJson.Default.VersionList, ListVersionsAsync) with
        {
            Query =
            [
                new("before", "Only versions with smaller numbers: the next of the page before.", "integer"),
                new("limit", "Most versions on a page, 1 to 500; 100 if absent.", "integer"),
            ],
        };
        yield return Ask(HttpMethods.Post, SecretPart + "/recover", "recoverSecret", "Takes a deletion back.", ContractsJson.Default.WriteResult,
            call => Written(_core.Secrets.RecoverAsync(call.Caller, call.Secret, call.Aborted)));
        yield return Tell(HttpMethods.Post, SecretPart + "/rollback", "rollbackSecret", "Makes an older version current again.", ContractsJson.Strict.Rollback, ContractsJson.Default.WriteResult,
            (call, body) => Written(_core.Secrets.MoveLabelAsync(call.Caller, call.Secret, VersionLabel.Current, VersionSelector.Current, NativeNames.Version(body.To), call.Aborted)));
        yield return Tell(HttpMethods.Post, SecretPart + "/labels", "moveLabel", "Moves, attaches or takes off a label.", ContractsJson.Strict.LabelMove, ContractsJson.Default.WriteResult,
            (call, body) => Written(_core.Secrets.MoveLabelAsync(call.Caller, call.Secret, VersionLabel.Parse(body.Label), Selected(body.From), Selected(body.To), call.Aborted)));
        yield return Tell(HttpMethods.Post, SecretPart + "/enable", "enableVersions", "Makes versions readable.", ContractsJson.Strict.VersionNumbers, ContractsJson.Default.WriteResult,
            (call, body) => Written(_core.Secrets.EnableAsync(call.Caller, call.Secret, new(Numbers(body), VersionSetMode.Strict), call.Aborted)));
        yield return Tell(HttpMethods.Post, SecretPart + "/disable", "disableVersions", "Makes versions unreadable; they are kept.", ContractsJson.Strict.VersionNumbers, ContractsJson.Default.WriteResult,
            (call, body) => Written(_core.Secrets.DisableAsync(call.Caller, call.Secret, new(Numbers(body), VersionSetMode.Strict), call.Aborted)));
        yield return Tell(HttpMethods.Post, SecretPart + "/destroy", "destroyVersions", "Erases the values of versions.", ContractsJson.Strict.VersionNumbers, ContractsJson.Default.WriteResult,
            (call, body) => Written(_core.Secrets.DestroyAsync(call.Caller, call.Secret, new(Numbers(body), VersionSetMode.Strict), call.Aborted)));
    }

    private async Task GetValueAsync(NativeCall call)
    {
        VersionSelector selector = NativeNames.Selector(call.Query("version"), call.Query("label"));
        using SecretReading reading = await _core.Secrets.GetValueAsync(call.Caller, call.Secret, selector, call.Aborted).ConfigureAwait(false);
        await NativeWire.WriteAsync(call.Context, reading, Now).ConfigureAwait(false);
    }

    private async Task ResolveAsync(NativeCall call)
    {
        call.CheckQuery();
        ResolveRequest body = await NativeWire.ReadAsync(call.Context, ContractsJson.Strict.ResolveRequest, call.Route.MaxBody).ConfigureAwait(false);
        if (body.References.Count > MostReferences)
        {
            throw Error.InvalidRequest($"at most {MostReferences} references at once", "references");
        }

        // A reference that is not one fails by itself, like one that is denied.
        (SecretReading? Reading, CofferError? Failure)[] outcomes = new (SecretReading?, CofferError?)[body.References.Count];
        List<(SecretPath, VersionSelector)> wanted = [];
        for (int i = 0; i < outcomes.Length; i++)
        {
            try
            {
                SecretReference reference = body.References[i] ?? throw Error.InvalidRequest("a reference is an object", "references");
                wanted.Add((new(VaultName.Parse(reference.Vault), SecretName.Parse(reference.Name)), reference.Version is { } version ? NativeNames.Version(version) : VersionSelector.Current));
            }
            catch (CofferException failure)
            {
                outcomes[i] = (null, failure.Error);
            }
        }

        ImmutableArray<(SecretReading? Reading, CofferError? Failure)> read = await _core.Secrets.GetValuesAsync(call.Caller, wanted, call.Aborted).ConfigureAwait(false);
        try
        {
            int next = 0;
            for (int i = 0; i < outcomes.Length; i++)
            {
                if (outcomes[i].Failure is null)
                {
                    outcomes[i] = read[next++];
                }
            }

            if (read.Sum(r => (long)(r.Reading?.Value.Length ?? 0)) > MostResolvedBytes)
            {
                throw Error.TooLarge("sum of the values", MostResolvedBytes);
            }

            await NativeWire.WriteAsync(call.Context, outcomes).ConfigureAwait(false);
        }
        finally
        {
            foreach ((SecretReading? reading, _) in read)
            {
                reading?.Dispose();
            }
        }
    }

    private async ValueTask<SecretList> ListAsync(NativeCall call)
    {
        (Core.Stores.SecretOrder order, bool descending) = NativeNames.Order(call.Query("order"));
        SecretPage page = await _core.Secrets.ListAsync(
            call.Caller,
            call.Vault,
            new()
            {
                Limit = NativeNames.Number(call.Query("limit"), "limit", 1, 1000) ?? 100,
                PageToken = call.Query("page"),
                Order = order,
                Descending = descending,
                Filter = NativeNames.Filter(call.Query("deleted")),
                NamePrefix = NativeNames.Prefix(call.Query("prefix")),
            },
            call.Aborted).ConfigureAwait(false);
        return new() { Secrets = [.. page.Items.Select(i => NativeWire.Info(page.Vault, i.Head))], Next = page.NextToken };
    }

    private async ValueTask<WriteResult> CreateAsync(NativeCall call, NewSecret body)
    {
        VaultName vault = call.Vault;
        (SecretValue? value, ValueKind kind) = NativeWire.Value(body.Text, body.Base64, required: false);
        using (value)
        {
            if (value is null && body.RequestToken is not null)
            {
                throw Error.InvalidCombination("a request token belongs to a value", "requestToken");
            }

            CreateSecret command = new()
            {
                Uid = SecretUid.Draw(),
                Name = SecretName.Parse(body.Name),
                Description = body.Description ?? "",
                Tags = Tags(body.Tags) ?? Secret.NoTags,
            };
            VersionInput? input = value is null ? null : new() { Value = value, Kind = kind, Token = Token(body.RequestToken) };
            return Created(call, await _core.Secrets.CreateAsync(call.Caller, vault, command, input, call.Aborted).ConfigureAwait(false));
        }
    }

    private async ValueTask<SecretInfo> GetAsync(NativeCall call)
    {
        SecretInfo info = NativeWire.Info(await _core.Secrets.DescribeAsync(call.Caller, call.Secret, call.Aborted).ConfigureAwait(false), Now);
        call.Context.Response.Headers.ETag = $"\"{info.ETag}\"";
        return info;
    }

    private async ValueTask<WriteResult> PutAsync(NativeCall call, NewValue body)
    {
        SecretPath path = call.Secret;
        int? tag = NativeNames.Number(NativeNames.IfMatch(call.Context), "If-Match", 0, int.MaxValue);
        if (tag is not null && body.IfCurrent is not null && tag != body.IfCurrent)
        {
            throw Error.InvalidCombination("If-Match and ifCurrent name different versions", "ifCurrent");
        }

        if (body.IfCurrent < 0)
        {
            throw Error.InvalidRequest("ifCurrent is a version's number, or 0 for none", "ifCurrent");
        }

        (SecretValue? value, ValueKind kind) = NativeWire.Value(body.Text, body.Base64, required: true);
        using (value)
        {
            VersionInput input = new()
            {
                Value = value!,
                Kind = kind,
                Token = Token(body.RequestToken),
                IfCurrent = tag ?? body.IfCurrent,
                Labels = body.Labels is { } labels ? [.. labels.Select(VersionLabel.Parse)] : null,
                ContentType = body.ContentType,
                NotBefore = body.NotBefore is { } start ? Microseconds.From(start) : null,
                Expires = body.Expires is { } end ? Microseconds.From(end) : null,
            };
            return Created(call, await _core.Secrets.AddVersionAsync(call.Caller, path, input, createIfMissing: true, call.Aborted).ConfigureAwait(false));
        }
    }

    private ValueTask<WriteResult> UpdateAsync(NativeCall call, Contracts.SecretChange body)
    {
        SecretUid? uid = null;
        int? revision = null;
        if (NativeNames.IfMatch(call.Context) is { } tag)
        {
            int dash = tag.IndexOf('-', StringComparison.Ordinal);
            if (dash != 32 || !VersionId.TryParse(tag.AsSpan(0, dash), out VersionId digits) || !int.TryParse(tag.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                throw Error.InvalidRequest("If-Match takes the etag of the secret's metadata", "If-Match");
            }

            (uid, revision) = (new(digits.Value), number);
        }

        if (body is { Description: null, SetTags: null, RemoveTags: null })
        {
            throw Error.InvalidRequest("nothing to change", "body");
        }

        EditMetadata command = new()
        {
            Description = body.Description,
            SetTags = Tags(body.SetTags),
            RemoveTags = body.RemoveTags is { } keys ? [.. NativeWire.Whole(keys, "removeTags")] : null,
            IfRevision = revision,
            IfUid = uid,
        };
        return Written(_core.Secrets.EditAsync(call.Caller, call.Secret, command, call.Aborted));
    }

    private ValueTask<WriteResult> DeleteAsync(NativeCall call)
    {
        int? days = NativeNames.Number(call.Query("days"), "days", 7, 90);
        if (!NativeNames.Flag(call.Query("purge"), "purge"))
        {
            return Written(_core.Secrets.DeleteAsync(call.Caller, call.Secret, days * Microseconds.PerDay, call.Aborted));
        }

        return days is null
            ? Written(_core.Secrets.PurgeAsync(call.Caller, call.Secret, call.Aborted))
            : throw Error.InvalidCombination("what is purged cannot be recovered: days and purge exclude one another", "days");
    }

    private async ValueTask<VersionList> ListVersionsAsync(NativeCall call)
    {
        int before = NativeNames.Number(call.Query("before"), "before", 1, int.MaxValue) ?? int.MaxValue;
        int limit = NativeNames.Number(call.Query("limit"), "limit", 1, 500) ?? 100;
        (SecretDescription description, ImmutableArray<(SecretVersion Version, ImmutableArray<VersionLabel> Labels)> versions) =
            await _core.Secrets.ListVersionsAsync(call.Caller, call.Secret, before, descending: true, limit + 1, call.Aborted).ConfigureAwait(false);
        long now = Now;
        return new()
        {
            Secret = NativeWire.Info(description.Vault, description.Head),
            Versions = [.. versions.Take(limit).Select(v => NativeWire.Info(v.Version, v.Labels, now))],
            Next = versions.Length > limit ? versions[limit - 1].Version.Number : null,
        };
    }

    private WriteResult Created(NativeCall call, WriteOutcome outcome)
    {
        if ((outcome.Events & SecretEvents.Created) != 0)
        {
            call.Status = StatusCodes.Status201Created;
            call.Context.Response.Headers.Location = $"/coffer/v1/vaults/{outcome.Vault.Name.Value}/secrets/{Uri.EscapeDataString(outcome.Head.Name.Value)}";
        }
        else
        {
            call.Status = StatusCodes.Status200OK;
        }

        return NativeWire.Result(outcome, Now);
    }

    private async ValueTask<WriteResult> Written(ValueTask<WriteOutcome> write) => NativeWire.Result(await write.ConfigureAwait(false), Now);

    private static RequestToken? Token(string? text) => text is null ? null : RequestToken.Parse(text);

    private static VersionSelector? Selected(string? version) => version is null ? null : NativeNames.Version(version);

    private static ImmutableSortedDictionary<string, string>? Tags(IReadOnlyDictionary<string, string>? tags)
    {
        if (tags is not null)
        {
            NativeWire.Whole(tags.Values, "tags");
        }

        return tags?.ToImmutableSortedDictionary(StringComparer.Ordinal);
    }

    private static ImmutableArray<int> Numbers(VersionNumbers body) =>
        body.Versions is { Count: >= 1 and <= SecretLimits.VersionsPerCommand } numbers && numbers.All(n => n >= 1)
            ? [.. numbers.Distinct()]
            : throw Error.InvalidRequest($"versions are 1 to {SecretLimits.VersionsPerCommand} numbers from 1", "versions");
}
