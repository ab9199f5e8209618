using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Testing;

public sealed partial class StoreDifferential
{
    private sealed partial class Actor
    {
        private static readonly string[] LabelNames = ["AWSPENDING", "blue", "BLUE"];

        private static SecretState AddVersion(SecretState state, Step step, int time)
        {
            int number = state.Head.Highest + 1 + (step.B % 2);
            SecretVersion version = StoreRows.PlainVersion(number) with
            {
                Token = step.B % 3 == 0 ? null : RequestToken.Parse($"token-{number:D32}"),
                DestroyAt = step.C % 3 == 0 ? Time(time + step.C) : null,
                Created = Time(time),
            };
            return state with
            {
                Head = state.Head with { Highest = number, Previous = state.Head.Current, Current = number },
                Versions = state.Versions.Add(number, version),
                Attributes = step.C % 2 == 0 ? state.Attributes.SetItem((number, AttributeSpace.VersionTag, "k"), $"v{step.C}") : state.Attributes,
            };
        }

        private static SecretState Label(SecretState state, Step step)
        {
            VersionLabel label = VersionLabel.Parse(LabelNames[step.B % LabelNames.Length]);
            return state.Versions.Count == 0 || step.C % 3 == 0
                ? state with { Labels = state.Labels.Remove(label) }
                : state with { Labels = state.Labels.SetItem(label, state.Versions.Keys.ElementAt(step.C % state.Versions.Count)) };
        }

        private static SecretState Attribute(SecretState state, Step step)
        {
            string key = $"k{step.B % 3}", value = $"v{step.C}";
            return (step.C % 4) switch
            {
                0 => state with { Head = state.Head with { Tags = state.Head.Tags.SetItem(key, value), EverTagged = true } },
                1 => state with { Head = state.Head with { Tags = state.Head.Tags.Remove(key) } },
                2 => state with { Attributes = state.Attributes.SetItem((0, AttributeSpace.Custom, key), value), Annotations = state.Annotations.SetItem((0, key), value) },
                _ => state with { Attributes = state.Attributes.Remove((0, AttributeSpace.Custom, key)), Annotations = state.Annotations.Remove((0, key)) },
            };
        }

        private static SecretState Version(SecretState state, Step step, int time)
        {
            if (state.Versions.Count == 0)
            {
                return state;
            }

            SecretVersion version = state.Versions.Values.ElementAt(step.B % state.Versions.Count);
            return (step.C % 3) switch
            {
                0 => state with
                {
                    Versions = state.Versions.Remove(version.Number),
                    Labels = state.Labels.RemoveRange(state.Labels.Where(l => l.Value == version.Number).Select(l => l.Key)),
                    Attributes = state.Attributes.RemoveRange(state.Attributes.Keys.Where(k => k.Number == version.Number)),
                },
                1 => state with { Versions = state.Versions.SetItem(version.Number, version with { DestroyedAt = Time(time), DestroyAt = null }) },
                _ => state with { Versions = state.Versions.SetItem(version.Number, version with { DisabledAt = Time(time), DestroyAt = Time(time + step.A), Revision = version.Revision + 1 }) },
            };
        }

        private async ValueTask<string> MarkAsync(Step step)
        {
            if (_seen.Count > 0)
            {
                Secret head = _seen[step.A % _seen.Count].Head;
                await store.Secrets.MarkReadAsync([(head.Id, head.Current, 19_000 + step.B)], default);
            }

            await store.Access.MarkUsedAsync([(StoreRows.Credential(step.B % 4, null).PublicId, 19_000 + step.C)], default);
            return "marked";
        }

        private async ValueTask<string> ListAsync(Step step)
        {
            SecretListQuery query = new()
            {
                VaultId = await VaultAsync(step.A),
                Location = step.C == 11 ? StoreRows.Region : "",
                Order = (SecretOrder)(1 + (step.A % 4)),
                Descending = step.B % 2 == 0,
                Filter = (SecretFilter)(1 + (step.C % 3)),
                NamePrefix = step.B % 3 == 0 ? "app" : "",
                Wire = (step.B % 4) switch { 0 => null, 1 => WireNames.Azure, 2 => WireNames.Google, _ => WireNames.Vault },
                Limit = 1 + (step.C % 4),
            };
            List<Secret> all = [];
            SecretPosition? after = null;
            while (await store.Secrets.ListAsync(query with { After = after }, default) is { Count: > 0 } page)
            {
                all.AddRange(page);
                Secret last = page[^1];
                after = query.Order switch
                {
                    SecretOrder.Created => new(last.Created, "", last.Id),
                    SecretOrder.Changed => new(last.Changed, "", last.Id),
                    SecretOrder.LastRead => new(last.LastReadDay ?? -1, "", last.Id),
                    SecretOrder.Name => new(0, last.Name.Value, last.Id),
                };
            }

            return $"{await store.Secrets.CountAsync(query.VaultId, default)} {Heads(all)}";
        }

        private async ValueTask<string> LookUpAsync(Step step)
        {
            long vault = await VaultAsync(step.A);
            SecretRow? row = await store.Secrets.FindCurrentAsync(vault, "", Names[step.B], default);
            Secret? folded = await store.Secrets.FindFoldedAsync(vault, Names[step.C].ToLowerInvariant(), default);
            string found = StoreText.Of(row, rowNumbers: false) + StoreText.Of(folded, rowNumbers: false);
            if (row?.Version is { } version)
            {
                found += await store.Secrets.FindNumberAsync(row.Head.Id, version.Id, default);
                found += version.Token is { } token ? await store.Secrets.FindNumberAsync(row.Head.Id, token, default) : "";
                found += StoreText.Of(await store.Secrets.VersionsAsync(row.Head.Id, step.B, step.A % 2 == 0, 3, default));
            }

            return found;
        }

        private async ValueTask<string> AccessAsync(Step step, int time)
        {
            Guid principal = StoreRows.Principal(step.B % 4).Id;
            AccessChange change = (step.A % 6) switch
            {
                0 => new() { Principals = [StoreRows.Principal(step.B % 4) with { Name = PrincipalName.Parse($"p{step.C % 4}"), Revision = time }] },
                1 => new() { Groups = [StoreRows.Group(step.B % 3, principal) with { Name = PrincipalName.Parse($"g{step.C % 3}") }] },
                2 => new() { Credentials = [StoreRows.Credential(step.B % 4, step.C % 3 == 0 ? null : principal) with { UsesLeft = step.C % 2 == 0 ? null : step.C, Created = Time(step.C) }] },
                3 => new()
                {
                    Policies =
                    [
                        StoreRows.Policy(step.B, (step.C % 4) switch
                        {
                            0 => Attachment.Server,
                            1 => Attachment.ToPrincipal(principal),
                            2 => Attachment.ToCredential(StoreRows.Credential(step.B % 4, null).PublicId),
                            _ => _seen.Count == 0 ? Attachment.ToGroup(StoreRows.Group(1).Id) : Attachment.To(_seen[step.B % _seen.Count].Head.Uid),
                        }) with { Name = $"n{step.C % 3}" },
                    ],
                },
                4 => new()
                {
                    Trusts = [StoreRows.Trust(step.B % 3, principal) with { Name = PrincipalName.Parse($"t{step.C % 3}") }],
                    Aliases = [StoreRows.Alias(step.B % 3, principal)],
                    Roles = [StoreRows.Role(step.B % 3, step.C % 2 == 0 ? null : $"vault{step.C % 3}")],
                },
                _ => (step.C % 5) switch
                {
                    0 => new() { RemovedPrincipals = [principal] },
                    1 => new() { RemovedGroups = [StoreRows.Group(step.B % 3).Id] },
                    2 => new() { RemovedCredentials = [StoreRows.Credential(step.B % 4, null).PublicId] },
                    3 => new() { RemovedTrusts = [StoreRows.Trust(step.B % 3, default).Id] },
                    _ => new() { RemovedPolicies = [StoreRows.Policy(step.B, default).Id] },
                },
            };
            return $"access {await CommitAsync(t => t.SaveAsync(change, default))}";
        }

        private async ValueTask<string> CredentialAsync(Step step)
        {
            string id = StoreRows.Credential(step.B % 4, null).PublicId;
            bool took = await store.Access.TakeUseAsync(id, default);
            Guid? principal = step.C % 2 == 0 ? null : StoreRows.Principal(step.C % 4).Id;
            return took + StoreText.Of(await store.Access.FindCredentialAsync(id, default))
                + StoreText.Of(await store.Access.FindCredentialAsync(StoreRows.Credential(step.A % 4, null).Verifier, default))
                + StoreText.Of(await store.Access.CredentialsAsync(principal, step.A % 2 == 0 ? "" : id, 2, default));
        }

        private async ValueTask<string> VaultAsync(Step step, int time)
        {
            if (step.A % 4 == 0)
            {
                long vault = await VaultAsync(step.B);
                return $"removed {await CommitAsync(t => t.RemoveVaultAsync(vault, default))}";
            }

            Vault? known = (await store.Secrets.VaultsAsync(default)).FirstOrDefault(v => v.Name.Value == $"vault{step.B % 3}");
            Vault saved = known is not null && step.C % 2 == 0
                ? known with { Description = $"at {time}", Aliases = StoreRows.Pairs(("vault", $"mount{step.C}")), SettingsRevision = known.SettingsRevision + 1 }
                : StoreRows.Vault($"vault{step.B % 3}", 1 + step.C);
            return $"vault {await CommitAsync(t => t.SaveAsync(saved, default)) is not null}";
        }
    }
}
