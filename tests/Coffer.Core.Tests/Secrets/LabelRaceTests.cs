using Coffer.Core.Secrets;
using Coffer.Core.Tests.Access;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

public sealed class LabelRaceTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_reads_while_labels_move_sees_before_or_after_and_is_never_told_of_a_broken_row()
    {
        await using CoreWorld world = await CoreWorld.StartAsync();
        await world.Admin.CreateVaultAsync(world.Root, VaultName.Parse("shop-dev"), new(), Token);
        await world.WriteAsync(world.Root, "shop-dev/db", "one");
        await world.WriteAsync(world.Root, "shop-dev/db", "two");
        SecretPath path = CoreWorld.PathOf("shop-dev/db");
        VersionLabel label = VersionLabel.Parse("blue");
        await world.Secrets.MoveLabelAsync(world.Root, path, label, null, new VersionSelector.ByNumber(1), Token);
        async Task MoveAsync()
        {
            for (int i = 0; i < 500; i++)
            {
                (int from, int to) = i % 2 == 0 ? (1, 2) : (2, 1);
                await world.Secrets.MoveLabelAsync(world.Root, path, label, new VersionSelector.ByNumber(from), new VersionSelector.ByNumber(to), Token);
            }
        }

        Task moving = Task.Run(MoveAsync, Token);
        while (!moving.IsCompleted)
        {
            SecretDescription seen = await world.Secrets.DescribeAsync(world.Root, path, Token);
            Assert.Single(seen.Versions, v => v.Labels.Contains(label));
            using SecretReading reading = await world.Secrets.GetValueAsync(world.Root, path, new VersionSelector.ByLabel(label), Token);
            Assert.Contains(label, reading.Labels);
        }

        await moving;
    }
}
