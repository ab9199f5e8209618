using System.Collections.Immutable;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

/// <summary>A project as made.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Vaults">One per environment, development first.</param>
/// <param name="Groups">Its groups: developers, operators, and the workloads of each environment.</param>
public sealed record Project(ProjectName Name, ImmutableArray<Vault> Vaults, ImmutableArray<Group> Groups);

public sealed partial class AdminService
{
    /// <summary>The environments of a project with what their vaults' names end in, development first.</summary>
    public static ImmutableArray<(VaultStage Stage, string Suffix)> Stages { get; } =
        [(VaultStage.Development, "dev"), (VaultStage.Staging, "staging"), (VaultStage.Production, "prod")];

    /// <summary>
    /// Makes a project's vaults, groups and grants: developers write in development and see the names in staging; operators manage
    /// staging and production without reading values; workloads read what is in their own environment. In production whoever
    /// administers reads nothing. What is there already is left as it is, so that a second call finishes what a first began.
    /// Errors: AccessDenied; InvalidName; AlreadyExists (a vault of such a name belongs to no or another project).
    /// </summary>
    public async ValueTask<Project> CreateProjectAsync(Caller caller, ProjectName name, CancellationToken cancellationToken)
    {
        await AuthoriseAsync(caller, Operation.Administer, null, name.Value, record: false).ConfigureAwait(false);
        VaultName[] names = [.. Stages.Select(s => VaultName.Parse($"{name}-{s.Suffix}"))];
        if (names.FirstOrDefault(n => Snapshot.Vaults.TryGetValue(n, out Vault? there) && there.Project != name.Value) is { Value: not null } taken)
        {
            throw Error.AlreadyExists("vault", taken.Value);
        }

        foreach ((VaultName vault, VaultStage stage) in names.Zip(Stages, (n, s) => (n, s.Stage)))
        {
            if (!Snapshot.Vaults.ContainsKey(vault))
            {
                await CreateVaultAsync(caller, vault, new() { Project = name.Value, Stage = stage, SeparateDuties = stage == VaultStage.Production }, cancellationToken).ConfigureAwait(false);
            }
        }

        ImmutableArray<Group> groups = await ChangeAsync(caller, Operation.Administer, null, name.Value, (snapshot, keys) =>
        {
            List<Policy> policies = [];
            List<Group> made = [];
            foreach ((string suffix, (VaultName Vault, CofferActions Actions)[] grants) in GroupsOf(name, names))
            {
                PrincipalName group = PrincipalName.Parse($"{name}-{suffix}");
                if (snapshot.GroupsByName.ContainsKey(group))
                {
                    continue;
                }

                Guid id = Guid.NewGuid();
                Policy[] own = [.. grants.Select(g => RowMacs.Sign(keys, new Policy
                {
                    Id = Guid.NewGuid(),
                    Language = GrantLanguage.LanguageName,
                    Name = Draw("g-", 8),
                    Use = PolicyUse.Identity,
                    Source = new Grant { Actions = g.Actions, Vault = g.Vault }.ToSource(),
                    AttachedTo = Attachment.ToGroup(id),
                    Created = _parts.Clock.Now(),
                    CreatedBy = caller.Principal.Name.Value,
                }))];
                policies.AddRange(own);
                made.Add(Sign(keys, snapshot, new Group { Id = id, Name = group, Created = _parts.Clock.Now() }, own));
            }

            return (new AccessChange { Policies = policies, Groups = made }, made.ToImmutableArray());
        }, cancellationToken).ConfigureAwait(false);
        return ProjectOf(Snapshot, name) with { Groups = groups.IsEmpty ? ProjectOf(Snapshot, name).Groups : groups };
    }

    /// <summary>Projects of which the caller may list at least one vault, by name.</summary>
    public async ValueTask<ImmutableArray<Project>> ListProjectsAsync(Caller caller, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        AccessSnapshot snapshot = Snapshot;
        await _parts.RecordAsync(Record(caller, Operation.ListSecrets, null, "projects", AuditDecision.Allow, "item by item")).ConfigureAwait(false);
        return [.. snapshot.Vaults.Values.Where(v => v.Project.Length > 0 && MaySee(snapshot, caller, v)).GroupBy(v => v.Project).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => ProjectOf(snapshot, ProjectName.Parse(g.Key)) with { Vaults = [.. g.OrderBy(v => v.Stage)] })];
    }

    private static Project ProjectOf(AccessSnapshot snapshot, ProjectName name) => new(
        name,
        [.. snapshot.Vaults.Values.Where(v => v.Project == name.Value).OrderBy(v => v.Stage)],
        [.. GroupsOf(name, []).Select(g => snapshot.GroupsByName.GetValueOrDefault(PrincipalName.Parse($"{name}-{g.Suffix}"))).OfType<Group>()]);

    private static IEnumerable<(string Suffix, (VaultName Vault, CofferActions Actions)[] Grants)> GroupsOf(ProjectName name, VaultName[] vaults)
    {
        VaultName Of(int stage) => vaults.Length == 0 ? VaultName.Parse($"{name}-{Stages[stage].Suffix}") : vaults[stage];
        const CofferActions names = CofferActions.List | CofferActions.Describe;
        const CofferActions manages = CofferActions.Operator | CofferActions.Administer;
        yield return ("developers", [(Of(0), CofferActions.Writer), (Of(1), names)]);
        // They read development, whose values they promote.
        yield return ("operators", [(Of(0), CofferActions.Reader), (Of(1), manages), (Of(2), manages)]);
        for (int stage = 0; stage < Stages.Length; stage++)
        {
            yield return ($"{Stages[stage].Suffix}-workloads", [(Of(stage), CofferActions.Reader)]);
        }
    }
}
