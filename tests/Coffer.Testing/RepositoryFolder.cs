namespace Coffer.Testing;

/// <summary>The source tree that the tests were built from. The built files' own place leads to it: a deterministic build maps the paths of its sources.</summary>
public static class RepositoryFolder
{
    /// <summary>The folder of <c>Coffer.slnx</c>.</summary>
    public static string Root { get; } = Find();

    /// <summary>A path below the root.</summary>
    public static string At(string relative) => Path.Combine(Root, relative);

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Coffer.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("Coffer.slnx is in no folder above this test: it must run inside the source tree");
    }
}
