namespace Coffer.Core.Sealing;

/// <summary>There is no keyring: the server is sealed or was never initialised.</summary>
public sealed class SealedException() : Exception("the server is sealed");

/// <summary>Why sealed bytes did not open. Callers treat all alike; the log and tests tell them apart.</summary>
public enum SealFailure
{
    /// <summary>Shorter than anything of its layout.</summary>
    Truncated = 1,

    /// <summary>A layout that this program does not know.</summary>
    UnknownLayout = 2,

    /// <summary>Sealed under a data key that is not in the keyring.</summary>
    UnknownKey = 3,

    /// <summary>Changed, or sealed for another place.</summary>
    NotAuthentic = 4,

    /// <summary>Nothing at all.</summary>
    Empty = 5,
}

/// <summary>Sealed bytes are damaged, forged or belong elsewhere. Carries no data.</summary>
/// <param name="reason">Why.</param>
/// <param name="what">What did not open, for people.</param>
public sealed class SealIntegrityException(SealFailure reason, string what = "a sealed value") : Exception($"{what} did not open: {Describe(reason)}")
{
    /// <summary>Why.</summary>
    public SealFailure Reason { get; } = reason;

    private static string Describe(SealFailure reason) => reason switch
    {
        SealFailure.Truncated => "truncated",
        SealFailure.UnknownLayout => "unknown layout",
        SealFailure.UnknownKey => "unknown data key",
        SealFailure.NotAuthentic => "changed, or not in its own place",
        SealFailure.Empty => "empty",
    };
}

/// <summary>Why a seal does not give its key, or the key table was not changed.</summary>
public enum SealRefusal
{
    /// <summary>The key file, passphrase or shares are missing.</summary>
    Missing = 1,

    /// <summary>They are of another installation, or wrong.</summary>
    Wrong = 2,

    /// <summary>A key file that others can read, a link, or foreign property.</summary>
    Unsafe = 3,

    /// <summary>A share that is damaged, given twice, or of another set.</summary>
    BadShare = 4,

    /// <summary>Parameters that this program does not write: somebody weakened the table.</summary>
    Weakened = 5,

    /// <summary>This seal cannot open a table of that type.</summary>
    OtherType = 6,

    /// <summary>A key file that belongs to another store would be replaced.</summary>
    Occupied = 7,

    /// <summary>The key file cannot be read or written, or is cut short.</summary>
    Unusable = 8,

    /// <summary>The passphrase is too short for a new seal.</summary>
    WeakPassphrase = 9,

    /// <summary>Somebody else changed the key table at the same time; nothing was changed here.</summary>
    Conflict = 10,
}

/// <summary>A seal did not give its key, or the key table was not changed. The message is safe to show and holds no key material.</summary>
/// <param name="reason">Why.</param>
/// <param name="message">For people.</param>
/// <param name="inner">The failure behind it, for the log.</param>
public sealed class SealRefusedException(SealRefusal reason, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Why.</summary>
    public SealRefusal Reason { get; } = reason;
}
