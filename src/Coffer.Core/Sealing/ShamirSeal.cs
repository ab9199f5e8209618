using System.Collections.Immutable;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>
/// A sealing key that exists only in shares held by different people: <c>threshold</c> of them open the store, fewer say
/// nothing about it. Not thread-safe.
/// </summary>
[HoldsSecret]
[DebuggerDisplay(SecretValue.Redacted)]
[JsonConverter(typeof(RedactedJsonConverter))]
public sealed class ShamirSeal : ISeal, IDisposable
{
    /// <summary>The type as stored.</summary>
    public const string TypeName = "shamir";

    private readonly int _threshold;
    private readonly int _shares;

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private readonly List<SecretValue> _made = [];

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private readonly List<ShamirShare> _given = [];

    /// <summary>For a new seal: 2–16 shares of which 2 or more are needed.</summary>
    public ShamirSeal(int threshold, int shares)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threshold, Shamir.LeastThreshold);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threshold, shares);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shares, Shamir.MostShares);
        _threshold = threshold;
        _shares = shares;
    }

    /// <summary>For opening: shares are given one by one.</summary>
    public ShamirSeal()
    {
    }

    /// <inheritdoc/>
    public string Type => TypeName;

    /// <summary>
    /// The texts (UTF-8, <c>coffer-share-…</c>) of the shares made by <see cref="Create"/>: to be shown once and disposed. At a
    /// rekey they are shown before the store commits, or a crash between would leave a store that nobody can open.
    /// </summary>
    public IReadOnlyList<SecretValue> Made => _made;

    /// <summary>Shares given so far.</summary>
    public int Given => _given.Count;

    /// <inheritdoc/>
    public (SealParameters Parameters, SecretValue Key) Create(SealParameters? inForce)
    {
        if (_shares == 0)
        {
            throw new InvalidOperationException("this seal was made to open");
        }

        Span<byte> set = stackalloc byte[ShamirShare.SetBytes];
        RandomNumberGenerator.Fill(set);
        SecretValue key = KeyWrap.Draw();
        SecretValue[] values = Shamir.Split(key.Span, _threshold, _shares);
        byte[][] digests = new byte[_shares][];
        DisposeMade();
        for (int i = 0; i < _shares; i++)
        {
            using SecretValue value = values[i];
            using ShamirShare share = ShamirShare.Make(set, (byte)_threshold, (byte)(i + 1), value.Span);
            digests[i] = share.Digest();
            _made.Add(share.ToText());
        }

        return (new()
        {
            Type = Type,
            KeyFingerprint = KeyWrap.Fingerprint(key),
            Threshold = _threshold,
            Shares = _shares,
            SetId = Convert.ToHexStringLower(set),
            ShareDigests = ImmutableArray.Create(digests),
        }, key);
    }

    /// <summary>Takes one share; refuses a damaged one, one given before, and one of another set than those before.</summary>
    public void Give(ReadOnlySpan<byte> text)
    {
        ShamirShare share = ShamirShare.Parse(text);
        string? refused =
            _given.Exists(g => g.Set != share.Set) ? "the share is of another set than the ones before"
            : _given.Exists(g => g.Index == share.Index) ? "this share was given already"
            : null;
        if (refused is not null)
        {
            share.Dispose();
            throw new SealRefusedException(SealRefusal.BadShare, refused);
        }

        _given.Add(share);
    }

    /// <summary>
    /// Takes one share as <see cref="Give(ReadOnlySpan{byte})"/> does, and refuses at once one that is not of the set in the store.
    /// Answers how many are missing still.
    /// </summary>
    public int Give(ReadOnlySpan<byte> text, SealParameters parameters)
    {
        RequireType(parameters);
        Give(text);
        RefuseForeign(parameters);
        return Math.Max(parameters.Threshold!.Value - Given, 0);
    }

    /// <summary>Forgets the shares given so far.</summary>
    public void Reset()
    {
        _given.ForEach(g => g.Dispose());
        _given.Clear();
    }

    /// <summary>Puts the given shares together. Shares that are not of the set in the store are refused and forgotten; the others stay.</summary>
    /// <inheritdoc/>
    public SecretValue Open(SealParameters parameters)
    {
        RequireType(parameters);
        RefuseForeign(parameters);
        int threshold = parameters.Threshold!.Value;
        if (_given.Count < threshold)
        {
            throw new SealRefusedException(SealRefusal.Missing, $"{_given.Count} of {threshold} shares were given");
        }

        ShamirShare[] used = [.. _given.Take(threshold)];
        SecretValue[] values = [.. used.Select(s => SecretValue.Copy(s.Value))];
        SecretValue key = Shamir.Combine([.. used.Select(s => s.Index)], values);
        Array.ForEach(values, v => v.Dispose());
        if (parameters.KeyFingerprint == KeyWrap.Fingerprint(key))
        {
            return key;
        }

        key.Dispose();
        throw new SealRefusedException(SealRefusal.Wrong, "the shares fit together but give another key than this store's");
    }

    /// <summary>Zeroes shares that were made or given.</summary>
    public void Dispose()
    {
        DisposeMade();
        Reset();
    }

    /// <summary>Always <c>***</c>.</summary>
    public override string ToString() => SecretValue.Redacted;

    private void RequireType(SealParameters parameters)
    {
        if (parameters.Type != Type)
        {
            throw new SealRefusedException(SealRefusal.OtherType, $"the server is sealed with a {parameters.Type}, not with shares");
        }

        if (parameters.ShareDigests is not { } digests || digests.Length > Shamir.MostShares || parameters.Threshold is not (>= Shamir.LeastThreshold and var threshold) || threshold > digests.Length)
        {
            throw new SealIntegrityException(SealFailure.UnknownLayout, "the key table");
        }
    }

    private void RefuseForeign(SealParameters parameters)
    {
        bool foreign = _given.Exists(g => g.Set != parameters.SetId);
        if (_given.RemoveAll(g => !IsOf(g, parameters)) > 0)
        {
            throw new SealRefusedException(
                SealRefusal.BadShare,
                foreign ? "the share is of another set than this server's; hint: shares from before a rekey no longer open it" : "the share names this server's set but is not one of those handed out");
        }
    }

    private static bool IsOf(ShamirShare share, SealParameters parameters)
    {
        ImmutableArray<byte[]> digests = parameters.ShareDigests!.Value;
        bool belongs = share.Set == parameters.SetId && share.Threshold == parameters.Threshold
            && share.Index >= 1 && share.Index <= digests.Length && CryptographicOperations.FixedTimeEquals(share.Digest(), digests[share.Index - 1]);
        if (!belongs)
        {
            share.Dispose();
        }

        return belongs;
    }

    private void DisposeMade()
    {
        _made.ForEach(m => m.Dispose());
        _made.Clear();
    }
}
