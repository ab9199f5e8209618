using System.ComponentModel.DataAnnotations;

namespace Coffer.Contracts;

/// <summary>How the server is; told to anyone.</summary>
public sealed record Health
{
    /// <summary>The most telling of the three below.</summary>
    [AllowedValues("ready", "sealed", "unavailable")]
    public required string Status { get; init; }

    /// <summary>The process answers.</summary>
    public bool Live { get; init; }

    /// <summary>Requests are served.</summary>
    public bool Ready { get; init; }

    /// <summary>Keys are not in memory.</summary>
    public bool Sealed { get; init; }

    /// <summary>Version of the server.</summary>
    public required string Version { get; init; }
}

/// <summary>The seal, and whether it is open.</summary>
public sealed record SystemStatus
{
    /// <summary>Where the server stands.</summary>
    [AllowedValues("uninitialized", "sealed", "unsealed")]
    public required string State { get; init; }

    /// <summary>Version of the server.</summary>
    public required string Version { get; init; }

    /// <summary>Kind of seal: <c>key-file</c>, <c>passphrase</c>, <c>shamir</c>, <c>memory</c>; absent before initialisation.</summary>
    public string? Seal { get; init; }

    /// <summary>Shares needed to unseal, or absent.</summary>
    public int? Threshold { get; init; }

    /// <summary>Shares made, or absent.</summary>
    public int? Shares { get; init; }

    /// <summary>Shares given so far while sealed, or absent.</summary>
    public int? Given { get; init; }

    /// <summary>Whether the last audit record reached the disk; absent while sealed.</summary>
    public bool? AuditHealthy { get; init; }

    /// <summary>When the process began to serve, or absent.</summary>
    public DateTimeOffset? Started { get; init; }
}

/// <summary>What opens a seal: one share, or the passphrase. Dispose it.</summary>
public sealed record UnsealRequest : IDisposable
{
    /// <summary>One share's text.</summary>
    public SecretText? Share { get; init; }

    /// <summary>The passphrase.</summary>
    public SecretText? Passphrase { get; init; }

    /// <summary>Forgets the shares given so far.</summary>
    public bool? Reset { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Share?.Dispose();
        Passphrase?.Dispose();
    }
}

/// <summary>Proof that the caller holds what opens the seal now, where the server cannot open it by itself. Dispose it.</summary>
public sealed record SealProof : IDisposable
{
    /// <summary>Enough shares.</summary>
    public IReadOnlyList<SecretText>? Shares { get; init; }

    /// <summary>The passphrase.</summary>
    public SecretText? Passphrase { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SecretText? share in Shares ?? [])
        {
            // A request may have held a null.
            share?.Dispose();
        }

        Passphrase?.Dispose();
    }
}

/// <summary>A new data key seals from now on.</summary>
/// <param name="KeyId">Its number.</param>
public sealed record KeyRotation(uint KeyId);

/// <summary>Replaces the seal. Dispose it.</summary>
public sealed record RekeyRequest : IDisposable
{
    /// <summary>What opens the seal now, where the server cannot by itself.</summary>
    public SealProof? Proof { get; init; }

    /// <summary>Kind of the new seal.</summary>
    [AllowedValues("key-file", "passphrase", "shamir")]
    public required string Seal { get; init; }

    /// <summary>The new passphrase, at least 12 characters.</summary>
    public SecretText? Passphrase { get; init; }

    /// <summary>Shares to make.</summary>
    [Range(2, 255)]
    public int? Shares { get; init; }

    /// <summary>Shares needed.</summary>
    [Range(2, 255)]
    public int? Threshold { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Proof?.Dispose();
        Passphrase?.Dispose();
    }
}

/// <summary>The seal was replaced. Shares are shown this once. Dispose it.</summary>
public sealed record RekeyResult : IDisposable
{
    /// <summary>Kind of the seal now.</summary>
    public required string Seal { get; init; }

    /// <summary>The new shares, or absent.</summary>
    public IReadOnlyList<SecretText>? Shares { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SecretText share in Shares ?? [])
        {
            share.Dispose();
        }
    }
}
