using Coffer.Testing;
using Xunit;

namespace Coffer.Stores.Tests;

public sealed class StoreDifferentialTests
{
    [Fact]
    public async Task Random_steps_get_the_same_answers_from_sqlite_and_from_the_reference()
    {
        List<SqliteFolder> folders = [];
        try
        {
            StoreDifferential differential = new(
                () => new(new InMemoryStore()),
                async () =>
                {
                    folders.Add(new());
                    return await folders[^1].OpenAsync();
                });
            await differential.RunAsync(sequences: 60);
        }
        finally
        {
            folders.ForEach(f => f.Dispose());
        }
    }
}
