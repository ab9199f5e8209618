using System.Runtime.InteropServices;

namespace Coffer.Server;

/// <summary>The Unix user that this process runs as.</summary>
public static partial class LocalUser
{
    /// <summary>Effective user id.</summary>
    public static uint Id => GetEffectiveUserId();

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUserId();
}
