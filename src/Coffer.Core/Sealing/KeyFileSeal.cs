using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// The default seal: a file of 32 random bytes, mode 0600, owned by who runs the server. Whoever can read it and the
/// database can read every secret: keep the two apart in backups. A new key is first written beside it as <c>PATH.new</c>; it
/// takes the name <c>PATH</c> once the store holds what needs it. Whichever of the two fits the store opens it, so that a crash
/// at any moment costs nothing.
/// </summary>
/// <param name="path">The key file; its folder exists.</param>
public sealed class KeyFileSeal(string path) : ISeal
{
    /// <summary>The type as stored.</summary>
    public const string TypeName = "keyfile";

    private string NewPath => path + ".new";

    /// <inheritdoc/>
    public string Type => TypeName;

    /// <summary>
    /// Writes a new key to <c>PATH.new</c>. Refuses, with <see cref="SealRefusal.Occupied"/>, to take the place of a file that is
    /// not the key in force: it may be all that opens another store.
    /// </summary>
    /// <inheritdoc/>
    public (SealParameters Parameters, SecretValue Key) Create(SealParameters? inForce)
    {
        if (inForce is not null)
        {
            Settle(inForce);
        }

        using (SecretValue? current = KeyFile.Read(path))
        {
            if (current is not null && !Fits(current, inForce))
            {
                throw new SealRefusedException(SealRefusal.Occupied, $"{path} exists and belongs to another store; hint: move it away, or name another key file");
            }
        }

        SecretValue key = NewKey();
        return (new() { Type = Type, KeyFingerprint = KeyWrap.Fingerprint(key) }, key);
    }

    /// <summary>
    /// <c>PATH.new</c> takes the place of <c>PATH</c> if the store needs it; it is removed if the store needs <c>PATH</c>; it stays if
    /// the store needs neither, since then nobody can tell what it is for.
    /// </summary>
    /// <inheritdoc/>
    public void Settle(SealParameters inForce)
    {
        using SecretValue? candidate = ReadUnfinished();
        if (candidate is null)
        {
            return;
        }

        if (Fits(candidate, inForce))
        {
            KeyFile.Rename(NewPath, path);
            return;
        }

        using SecretValue? current = KeyFile.Read(path);
        if (current is not null && Fits(current, inForce))
        {
            KeyFile.Delete(NewPath);
        }
    }

    /// <inheritdoc/>
    public SecretValue Open(SealParameters parameters)
    {
        if (parameters.Type != Type)
        {
            throw new SealRefusedException(SealRefusal.OtherType, $"the server is sealed with a {parameters.Type}, not with a key file");
        }

        Settle(parameters);
        SecretValue key = KeyFile.Read(path) ?? throw new SealRefusedException(SealRefusal.Missing, $"the key file {path} does not exist");
        if (Fits(key, parameters))
        {
            return key;
        }

        key.Dispose();
        throw new SealRefusedException(SealRefusal.Wrong, $"the key file {path} is not the one this store was sealed with");
    }

    /// <summary>The type; never the key.</summary>
    public override string ToString() => Type;

    private static bool Fits(SecretValue key, SealParameters? parameters) =>
        parameters is { Type: TypeName } && parameters.KeyFingerprint == KeyWrap.Fingerprint(key);

    /// <summary>
    /// A key left in <c>PATH.new</c> is taken, not replaced: nothing says that no store was committed with it. It is random and
    /// ours, hence as good as a new one.
    /// </summary>
    private SecretValue NewKey()
    {
        if (ReadUnfinished() is { } left)
        {
            return left;
        }

        SecretValue key = KeyWrap.Draw();
        try
        {
            KeyFile.Create(NewPath, key);
            return key;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>A file cut short by a crash was never on the disk as a whole, so that no store can depend on it.</summary>
    private SecretValue? ReadUnfinished()
    {
        if (KeyFile.IsIncomplete(NewPath))
        {
            KeyFile.Delete(NewPath);
        }

        return KeyFile.Read(NewPath);
    }
}
