using System.Globalization;
using System.Runtime.InteropServices;

namespace Coffer.Workload.Agent;

/// <summary>Users of this machine by name, whatever directory they are kept in.</summary>
public static partial class LocalUsers
{
    // struct passwd: two pointers, then the uid.
    private static readonly int UidOffset = 2 * IntPtr.Size;

    /// <summary>The id of a name, or of digits. Throws <see cref="WorkloadException"/> where this machine has no such user.</summary>
    public static uint Find(string user)
    {
        if (uint.TryParse(user, NumberStyles.None, CultureInfo.InvariantCulture, out uint uid) && uid != uint.MaxValue)
        {
            return uid;
        }

        nint entry = GetUser(user);
        return entry != 0 ? (uint)Marshal.ReadInt32(entry, UidOffset) : throw new WorkloadException($"this machine has no user {user}", "name one that is there, or give the number");
    }

    [LibraryImport("libc", EntryPoint = "getpwnam", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetUser(string name);
}
