using Coffer.Core.Access;
using Coffer.Core.Audit;

namespace Coffer.Server.Tests;

public partial class StoreAttackTests
{
    [Fact]
    public async Task Attack_43_46_a_removed_credential_put_back_and_one_taken_away_are_named_by_the_audit_check()
    {
        await using Ground ground = await Ground.MakeAsync();
        string old = Path.Combine(ground.Folder, "..", "old.db");
        await ground.ChangeAsync($"VACUUM INTO '{old}'", changes: false);
        await using (AttackedServer server = await AttackedServer.StartAsync(ground.Folder, ground.Seal, fill: false))
        {
            AdminService admin = server.Server.Core.Admin;
            await admin.DeleteCredentialAsync(server.Administrator(), ground.App.TokenId, Cancel);
            // Principals go with their credentials, and the trail says so.
            await admin.CreatePrincipalAsync(server.Administrator(), PrincipalName.Parse("brief"), PrincipalKind.Workload, null, "", Cancel);
            await server.ProveAsync("brief");
            await admin.DeletePrincipalAsync(server.Administrator(), PrincipalName.Parse("brief"), Cancel);
            AuditReport sound = await server.Server.Core.VerifyAuditAsync(Cancel);
            Assert.True(sound.Sound, string.Join("; ", sound.Problems));
            await server.StopAsync();
        }

        await ground.ChangeAsync($"""
            ATTACH '{old}' AS old;
            INSERT INTO credentials SELECT * FROM old.credentials WHERE public_id = '{ground.App.TokenId}';
            DELETE FROM credentials WHERE public_id = '{ground.Nobody.TokenId}';
            """);
        await using AttackedServer after = await AttackedServer.StartAsync(ground.Folder, ground.Seal, fill: false);
        AuditReport report = await after.Server.Core.VerifyAuditAsync(Cancel);
        Assert.False(report.Sound);
        Assert.Equal([AuditProblemKind.StaleRow, AuditProblemKind.MissingRow], report.Problems.Select(p => p.Kind).Order());
        Assert.Contains(report.Problems, p => p.Detail.Contains(ground.App.TokenId, StringComparison.Ordinal));
        Assert.Contains(report.Problems, p => p.Detail.Contains(ground.Nobody.TokenId, StringComparison.Ordinal));
    }
}
