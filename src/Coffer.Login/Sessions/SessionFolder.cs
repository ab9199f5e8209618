using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Coffer.Contracts;

namespace Coffer.Login.Sessions;

/// <summary>
/// The sessions of one user on this machine: one file of mode 0600 for each server, in a folder of mode 0700. Each is put in place
/// whole, and one that others could have read or written is refused, not used.
/// </summary>
/// <param name="folder">Where; made when the first session is kept.</param>
/// <param name="keychain">The desktop's keychain, or null where there is none.</param>
/// <param name="clock">The clock.</param>
public sealed class SessionFolder(string folder, Keychain? keychain, TimeProvider clock)
{
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

    /// <summary>The server that was logged in to last, or null.</summary>
    public string? LastServer() => All().MaxBy(s => s.Begun)?.Server;

    /// <summary>The servers with a session, whatever state it is in.</summary>
    public IReadOnlyList<string> Servers() => [.. All().Select(s => s.Server).Order(StringComparer.Ordinal)];

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
        string file = FileOf(server);
        if (!File.Exists(file) && new FileInfo(file).LinkTarget is null)
        {
            return false;
        }

        keychain?.Forget(server);
        File.Delete(file);
        return true;
    }

    /// <summary>Forgets every session, whatever state its file is in. How many there were.</summary>
    public int ForgetAll()
    {
        string[] files = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.json") : [];
        foreach (string file in files)
        {
            try
            {
                if (keychain is not null && Read(file) is { Token: null } row)
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

    private IEnumerable<Row> All() => Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.json").Select(Read).OfType<Row>() : [];

    // A hash, so that no server's name is a path.
    private string FileOf(string server) => Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(server)).AsSpan(0, 16)) + ".json");

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

    private static Row? Read(string file)
    {
        byte[]? bytes = PrivateFile.Read(file);
        if (bytes is null)
        {
            return null;
        }

        try
        {
            return Parse(bytes) ?? throw NoSession(file);
        }
        catch (JsonException)
        {
            // The exception may quote what it could not read.
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
