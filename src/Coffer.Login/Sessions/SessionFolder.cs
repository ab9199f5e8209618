using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Coffer.Contracts;

namespace Coffer.Login.Sessions;

/// <summary>
/// The sessions of one user on this machine: one file of mode 0600 for each server, in a folder that is made with mode 0700. Each is put
/// in place whole, and one that others could have read or written is refused, not used; so is everything in a folder that others may write.
/// A folder that they may only read shows them no more than how many files there are, and is not refused: it may be older than this program.
/// </summary>
/// <param name="folder">Where; made when the first session is kept.</param>
/// <param name="keychain">The desktop's keychain, or null where there is none.</param>
/// <param name="clock">The clock.</param>
public sealed partial class SessionFolder(string folder, Keychain? keychain, TimeProvider clock)
{
    private const string Ending = ".json";

    /// <summary>Where the sessions are.</summary>
    public string Folder => folder;

    /// <summary>The keychain, or null.</summary>
    public Keychain? Keychain => keychain;

    /// <summary>The user's folder: <c>COFFER_SESSIONS</c>, else <c>coffer/sessions</c> in <c>XDG_CONFIG_HOME</c> or <c>~/.config</c>.</summary>
    /// <param name="read">Where variables are read from; null = the environment.</param>
    /// <param name="clock">The clock.</param>
    public static SessionFolder OfUser(TimeProvider clock, Func<string, string?>? read = null)
    {
        read ??= Environment.GetEnvironmentVariable;
        string? Whole(string name) => read(name) is { Length: > 0 } path && Path.IsPathFullyQualified(path) ? path : null;
        string folder = Whole("COFFER_SESSIONS")
            ?? Path.Combine(Whole("XDG_CONFIG_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config"), "coffer", "sessions");
        return new(folder, Keychain.Find(read("PATH"), clock), clock);
    }

    /// <summary>
    /// The session for a server, or null. Throws <see cref="LoginException"/> where its file is not the user's alone, or the session is
    /// past its end: that is said, since going on without it would be going on as somebody else.
    /// </summary>
    public StoredSession? Find(string server) => Read(FileOf(server)) switch
    {
        null => null,
        { } row when row.Server != server => throw NoSession(FileOf(server)),
        { } row => Open(row),
    };

    /// <summary>
    /// The session for a server, to end it there: also from a file that others could have read, since it is all the more to be ended.
    /// Null where there is none, or it is past its end. Throws <see cref="LoginException"/> where what the file says may be somebody else's, or its token is not to be had.
    /// </summary>
    public StoredSession? FindToEnd(string server) => Read(FileOf(server), seenIsEnough: true) switch
    {
        null => null,
        { } row when row.Server != server => throw NoSession(FileOf(server)),
        { } row => OpenToEnd(row),
    };

    /// <summary>Every session, to end it, as <see cref="FindToEnd"/> finds each; also those that a login left behind half-way. The caller disposes them.</summary>
    /// <param name="refused">Told of each that cannot be had; the others come all the same.</param>
    public IReadOnlyList<StoredSession> AllToEnd(Action<LoginException> refused) => [.. Each(Files(), OpenToEnd, refused)];

    /// <summary>The server that was logged in to last, or null. A file that others could have read counts, and is refused when its session is asked for.</summary>
    /// <param name="refused">Told of each file that says nothing that can be believed; the others count all the same.</param>
    public string? LastServer(Action<LoginException> refused) => Each(
        Files().Where(f => f.EndsWith(Ending, StringComparison.Ordinal)),
        row =>
        {
            row.Token?.Dispose();
            return row;
        },
        refused).MaxBy(s => s.Begun)?.Server;

    /// <summary>Keeps a session in place of the one before. Throws <see cref="LoginException"/>, <see cref="IOException"/>.</summary>
    public void Keep(StoredSession session)
    {
        if (session.InKeychain)
        {
            (keychain ?? throw new LoginException(LoginFault.Unavailable, "there is no keychain: secret-tool is not installed", "install libsecret-tools, or log in without --keychain")).Keep(session.Server, session.Token);
        }

        ArrayBufferWriter<byte> buffer = new(4096);
        try
        {
            using (Utf8JsonWriter writer = new(buffer, new() { Indented = true }))
            {
                writer.WriteStartObject();
                writer.WriteString("server"u8, session.Server);
                writer.WriteString("principal"u8, session.Principal);
                writer.WriteString("id"u8, session.Id);
                writer.WriteString("begun"u8, UtcTime.Write(session.Begun));
                writer.WriteString("expires"u8, UtcTime.Write(session.Expires));
                if (session.CaFile is { } file)
                {
                    writer.WriteString("caFile"u8, file);
                }

                if (!session.InKeychain)
                {
                    writer.WriteString("token"u8, session.Token.Utf8);
                }

                writer.WriteEndObject();
            }

            PrivateFile.Write(FileOf(session.Server), buffer.WrittenSpan);
        }
        finally
        {
            buffer.Clear();
        }
    }

    /// <summary>Forgets a server's session, whatever state its file is in. Whether there was one.</summary>
    public bool Forget(string server)
    {
        string own = FileOf(server);
        string[] files = [.. Files().Where(f => f.StartsWith(own, StringComparison.Ordinal))];
        if (files.Length == 0)
        {
            return false;
        }

        keychain?.Forget(server);
        Array.ForEach(files, File.Delete);
        return true;
    }

    /// <summary>Forgets every session, whatever state its file is in. How many there were.</summary>
    public int ForgetAll()
    {
        string[] files = Files();
        foreach (string file in files)
        {
            try
            {
                if (keychain is not null && Read(file, seenIsEnough: true) is { Token: null } row)
                {
                    keychain.Forget(row.Server);
                }
            }
            catch (LoginException)
            {
                // It goes all the same.
            }

            File.Delete(file);
        }

        return files.Length;
    }

    /// <summary>Every file of this folder's: sessions, and what a login that was killed left beside them.</summary>
    private string[] Files() => Directory.Exists(folder)
        ? [.. Directory.GetFileSystemEntries(folder).Where(f => OwnName().IsMatch(Path.GetFileName(f)) && new DirectoryInfo(f) is not { Exists: true, LinkTarget: null })]
        : [];

    private List<T> Each<T>(IEnumerable<string> files, Func<Row, T?> open, Action<LoginException> refused)
        where T : class
    {
        HashSet<string> told = new(StringComparer.Ordinal);
        List<T> opened = [];
        foreach (string file in files)
        {
            try
            {
                if (Read(file, seenIsEnough: true) is { } row && open(file.StartsWith(FileOf(row.Server), StringComparison.Ordinal) ? row : throw NoSession(file)) is { } one)
                {
                    opened.Add(one);
                }
            }
            catch (LoginException refusal)
            {
                // What is said of the folder is said once.
                if (told.Add(refusal.Message))
                {
                    refused(refusal);
                }
            }
        }

        return opened;
    }

    // A hash, so that no server's name is a path.
    private string FileOf(string server) => Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(server)).AsSpan(0, 16)) + Ending);

    [GeneratedRegex(@"\A[0-9a-f]{32}\.json(\.[0-9a-f]{16})?\z")]
    private static partial Regex OwnName();

    private StoredSession? OpenToEnd(Row row)
    {
        if (row.Expires > clock.GetUtcNow())
        {
            return Open(row);
        }

        row.Token?.Dispose();
        return null;
    }

    private StoredSession Open(Row row)
    {
        if (row.Expires <= clock.GetUtcNow())
        {
            row.Token?.Dispose();
            throw new LoginException(LoginFault.Ended, $"the session of {row.Principal} has ended", "coffer login begins another, coffer logout goes on without");
        }

        return new()
        {
            Server = row.Server,
            Principal = row.Principal,
            Id = row.Id,
            Begun = row.Begun,
            Expires = row.Expires,
            CaFile = row.CaFile,
            InKeychain = row.Token is null,
            Token = row.Token ?? keychain?.Look(row.Server) ?? throw new LoginException(LoginFault.Ended, $"the session of {row.Principal} is not in the keychain", "coffer login begins another, coffer logout goes on without"),
        };
    }

    private static Row? Read(string file, bool seenIsEnough = false)
    {
        byte[]? bytes = PrivateFile.Read(file, seenIsEnough);
        if (bytes is null)
        {
            return null;
        }

        try
        {
            return Parse(bytes) ?? throw NoSession(file);
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            // The exception may quote what it could not read. The second kind is what the reader says of half a surrogate pair.
            throw NoSession(file);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    private static Row? Parse(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json);
        Dictionary<string, string> members = new(StringComparer.Ordinal);
        SecretText? token = null;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return null;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (!reader.Read() || reader.TokenType != JsonTokenType.String)
            {
                return null;
            }

            if (name == "token" && token is null && !reader.ValueIsEscaped)
            {
                token = new(reader.ValueSpan);
            }
            else if (name == "token" || !members.TryAdd(name, reader.GetString()!))
            {
                return null;
            }
        }

        return members.TryGetValue("server", out string? server) && members.TryGetValue("principal", out string? principal) && members.TryGetValue("id", out string? id)
            && UtcTime.TryParse(members.GetValueOrDefault("begun"), out DateTimeOffset begun) && UtcTime.TryParse(members.GetValueOrDefault("expires"), out DateTimeOffset expires)
            ? new(server, principal, id, begun, expires, members.GetValueOrDefault("caFile"), token)
            : null;
    }

    private static LoginException NoSession(string file) => new(LoginFault.UnsafeFile, $"{file} is no session", "coffer logout removes it; then log in again");

    private sealed record Row(string Server, string Principal, string Id, DateTimeOffset Begun, DateTimeOffset Expires, string? CaFile, SecretText? Token);
}
