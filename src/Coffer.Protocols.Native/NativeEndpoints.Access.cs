using System.Collections.Immutable;
using Coffer.Contracts;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

internal sealed partial class NativeEndpoints
{
    private IEnumerable<NativeRoute> VaultRoutes()
    {
        const string all = "/coffer/v1/vaults", one = all + "/{vault}";
        yield return Ask(HttpMethods.Get, all, "listVaults", "Lists the vaults that the caller may see.", ContractsJson.Default.VaultList,
            async call => new() { Vaults = [.. (await _core.Admin.ListVaultsAsync(call.Caller, call.Aborted).ConfigureAwait(false)).Select(NativeWire.Info)] });
        yield return Tell(HttpMethods.Post, all, "createVault", "Creates a vault.", ContractsJson.Strict.NewVault, ContractsJson.Default.VaultInfo, CreateVaultAsync) with { Statuses = [201] };
        yield return Ask(HttpMethods.Get, one, "getVault", "One vault.", ContractsJson.Default.VaultInfo,
            async call => NativeWire.Info(await _core.Admin.GetVaultAsync(call.Caller, call.Vault, call.Aborted).ConfigureAwait(false)));
        yield return Tell(HttpMethods.Patch, one, "updateVault", "Changes a vault's settings.", ContractsJson.Strict.VaultChange, ContractsJson.Default.VaultInfo, UpdateVaultAsync);
        yield return Remove(one, "deleteVault", "Removes an empty vault.", call => _core.Admin.DeleteVaultAsync(call.Caller, call.Vault, call.Aborted));
    }

    private IEnumerable<NativeRoute> AccessRoutes()
    {
        const string principals = "/coffer/v1/principals", groups = "/coffer/v1/groups", grants = "/coffer/v1/grants";
        yield return Ask(HttpMethods.Get, principals, "listPrincipals", "Lists all principals.", ContractsJson.Default.PrincipalList,
            async call => new() { Principals = [.. (await _core.Admin.ListPrincipalsAsync(call.Caller, call.Aborted).ConfigureAwait(false)).Select(p => NativeWire.Info(p))] });
        yield return Tell(HttpMethods.Post, principals, "createPrincipal", "Creates a principal.", ContractsJson.Strict.NewPrincipal, ContractsJson.Default.PrincipalInfo, CreatePrincipalAsync) with { Statuses = [201] };
        yield return Ask(HttpMethods.Get, principals + "/{principal}", "getPrincipal", "One principal with its groups.", ContractsJson.Default.PrincipalInfo, GetPrincipalAsync);
        yield return Tell(HttpMethods.Patch, principals + "/{principal}", "updatePrincipal", "Changes a principal; disabling it stops every credential of it at once.",
            ContractsJson.Strict.PrincipalChange, ContractsJson.Default.PrincipalInfo, UpdatePrincipalAsync);
        yield return Remove(principals + "/{principal}", "deletePrincipal", "Removes a principal with its credentials, trusts, memberships and grants.",
            async call => await _core.Admin.DeletePrincipalAsync(call.Caller, call.Named, call.Aborted).ConfigureAwait(false));

        yield return Ask(HttpMethods.Get, groups, "listGroups", "Lists all groups.", ContractsJson.Default.GroupList,
            async call => new() { Groups = [.. (await _core.Admin.ListGroupsAsync(call.Caller, call.Aborted).ConfigureAwait(false)).Select(g => NativeWire.Info(g))] });
        yield return Tell(HttpMethods.Post, groups, "createGroup", "Creates a group without members.", ContractsJson.Strict.NewGroup, ContractsJson.Default.GroupInfo,
            async (call, body) => NativeWire.Info(await _core.Admin.CreateGroupAsync(call.Caller, PrincipalName.Parse(body.Name), call.Aborted).ConfigureAwait(false), [])) with { Statuses = [201] };
        yield return Ask(HttpMethods.Get, groups + "/{group}", "getGroup", "One group with its members.", ContractsJson.Default.GroupInfo, call => GroupAsync(call, call.Named));
        yield return Tell(HttpMethods.Patch, groups + "/{group}", "updateGroup", "Adds members and removes others.", ContractsJson.Strict.GroupChange, ContractsJson.Default.GroupInfo, UpdateGroupAsync);
        yield return Remove(groups + "/{group}", "deleteGroup", "Removes a group with its grants.",
            async call => await _core.Admin.DeleteGroupAsync(call.Caller, call.Named, call.Aborted).ConfigureAwait(false));

        yield return Ask(HttpMethods.Get, grants, "listGrants", "Lists the grants that apply to one vault, or all.", ContractsJson.Default.GrantList, ListGrantsAsync) with
        {
            Query = [new("vault", "Only grants that apply to this vault.")],
        };
        yield return Tell(HttpMethods.Post, grants, "createGrant", "Grants or denies something to a principal or group.", ContractsJson.Strict.NewGrant, ContractsJson.Default.GrantInfo, CreateGrantAsync) with { Statuses = [201] };
        yield return Ask(HttpMethods.Get, grants + "/{grant}", "getGrant", "One grant.", ContractsJson.Default.GrantInfo,
            async call => NativeWire.Info(await _core.Admin.GetGrantAsync(call.Caller, call.PublicId, call.Aborted).ConfigureAwait(false)));
        yield return Remove(grants + "/{grant}", "deleteGrant", "Takes a grant back; it is out of force at once.",
            async call => await _core.Admin.DeleteGrantAsync(call.Caller, call.PublicId, call.Aborted).ConfigureAwait(false));
    }

    private async ValueTask<VaultInfo> CreateVaultAsync(NativeCall call, NewVault body)
    {
        VaultSettings settings = new() { Description = body.Description, RetentionDays = body.RetentionDays, PurgeProtection = body.PurgeProtection, Owner = body.Owner, SeparateDuties = body.SeparateDuties, Approvals = NativeNames.Approvals(body.Approvals) };
        Vault vault = await _core.Admin.CreateVaultAsync(call.Caller, VaultName.Parse(body.Name), settings, call.Aborted).ConfigureAwait(false);
        call.Context.Response.Headers.Location = $"/coffer/v1/vaults/{vault.Name.Value}";
        return NativeWire.Info(vault);
    }

    private async ValueTask<VaultInfo> UpdateVaultAsync(NativeCall call, VaultChange body)
    {
        VaultSettings settings = new() { Description = body.Description, RetentionDays = body.RetentionDays, PurgeProtection = body.PurgeProtection, Owner = body.Owner, SeparateDuties = body.SeparateDuties, Approvals = NativeNames.Approvals(body.Approvals) };
        return NativeWire.Info(await _core.Admin.UpdateVaultAsync(call.Caller, call.Vault, settings, call.Aborted).ConfigureAwait(false));
    }

    private async ValueTask<PrincipalInfo> CreatePrincipalAsync(NativeCall call, NewPrincipal body)
    {
        Principal principal = await _core.Admin.CreatePrincipalAsync(
            call.Caller, PrincipalName.Parse(body.Name), NativeNames.Kind(body.Kind), Home(body.Home), body.Description ?? "", call.Aborted).ConfigureAwait(false);
        call.Context.Response.Headers.Location = $"/coffer/v1/principals/{principal.Name.Value}";
        return NativeWire.Info(principal, []);
    }

    private async ValueTask<PrincipalInfo> GetPrincipalAsync(NativeCall call)
    {
        (Principal principal, ImmutableArray<Group> groups) = await _core.Admin.GetPrincipalAsync(call.Caller, call.Named, call.Aborted).ConfigureAwait(false);
        return NativeWire.Info(principal, groups);
    }

    private async ValueTask<PrincipalInfo> UpdatePrincipalAsync(NativeCall call, PrincipalChange body) =>
        NativeWire.Info(await _core.Admin.UpdatePrincipalAsync(call.Caller, call.Named, body.Enabled, Home(body.Home), body.Description, call.Aborted).ConfigureAwait(false));

    private async ValueTask<GroupInfo> GroupAsync(NativeCall call, PrincipalName name)
    {
        (Group group, ImmutableArray<Principal> members) = await _core.Admin.GetGroupAsync(call.Caller, name, call.Aborted).ConfigureAwait(false);
        return NativeWire.Info(group, members);
    }

    private async ValueTask<GroupInfo> UpdateGroupAsync(NativeCall call, GroupChange body)
    {
        PrincipalName name = call.Named;
        await _core.Admin.EditGroupAsync(call.Caller, name, [.. (body.Add ?? []).Select(PrincipalName.Parse)], [.. (body.Remove ?? []).Select(PrincipalName.Parse)], call.Aborted).ConfigureAwait(false);
        return await GroupAsync(call, name).ConfigureAwait(false);
    }

    private async ValueTask<GrantList> ListGrantsAsync(NativeCall call)
    {
        VaultName? vault = call.Query("vault") is { } name ? VaultName.Parse(name) : null;
        return new() { Grants = [.. (await _core.Admin.ListGrantsAsync(call.Caller, vault, call.Aborted).ConfigureAwait(false)).Select(NativeWire.Info)] };
    }

    private async ValueTask<GrantInfo> CreateGrantAsync(NativeCall call, NewGrant body)
    {
        if (body.Principal is null == body.Group is null)
        {
            throw Error.InvalidCombination("a grant is for a principal or for a group", "principal");
        }

        Grant grant = new()
        {
            Allow = body.Effect switch
            {
                null or "allow" => true,
                "deny" => false,
                _ => throw Error.InvalidRequest("effect is allow or deny", "effect"),
            },
            Actions = ActionNames.Read(body.Actions),
            Vault = Home(body.Vault),
            Names = body.Names ?? "*",
            Label = body.Label is { } label ? VersionLabel.Parse(label) : null,
            Cidrs = [.. (body.Cidrs ?? []).Select(Grant.ParseNetwork)],
            From = body.From is { } from ? Core.Microseconds.From(from) : null,
            Until = body.Until is { } until ? Core.Microseconds.From(until) : null,
            Tags = Tags(body.Tags) ?? Secret.NoTags,
        };
        GrantEntry entry = await _core.Admin.CreateGrantAsync(call.Caller, PrincipalName.Parse(body.Principal ?? body.Group), body.Group is not null, grant, call.Aborted).ConfigureAwait(false);
        call.Context.Response.Headers.Location = $"/coffer/v1/grants/{entry.Id}";
        return NativeWire.Info(entry);
    }

    private static VaultName? Home(string? text) => text is null ? null : VaultName.Parse(text);
}
