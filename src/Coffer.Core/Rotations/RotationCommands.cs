using Coffer.Core.Secrets;

namespace Coffer.Core.Rotations;

/// <summary>Begins a rotation, or sets when and by what a secret rotates; members left null stay.</summary>
public sealed record RotateSecret
{
    /// <summary>Token of the version to be made; a request is repeated by its token.</summary>
    public required RequestToken Token { get; init; }

    /// <summary>The function as the wire names it, or null for the one that is set.</summary>
    public string? Function { get; init; }

    /// <summary>Where the asking wire says that the secret is, opaque to the core: the function is told the same. Null = as it was.</summary>
    public string? Place { get; init; }

    /// <summary>When, or null for the rules that are set.</summary>
    public RotationRules? Rules { get; init; }

    /// <summary>Rotates at once; else the function is only tried, and the first rotation is the next scheduled one.</summary>
    public bool Immediately { get; init; } = true;
}

/// <summary>The steps of a rotation, in their order.</summary>
public enum RotationStep
{
    /// <summary>Makes the new value and puts it on the pending version.</summary>
    Create = 1,

    /// <summary>Tells the system that the value is for.</summary>
    Set = 2,

    /// <summary>Tries whether the system takes it.</summary>
    Test = 3,

    /// <summary>Makes the pending version current.</summary>
    Finish = 4,
}

/// <summary>One call of a function.</summary>
/// <param name="Function">The function as the wire named it.</param>
/// <param name="Place">Where the wire that asked for the rotation says that the secret is, or null.</param>
/// <param name="Vault">The secret's vault.</param>
/// <param name="Head">The secret's head.</param>
/// <param name="Token">Token of the version.</param>
/// <param name="Step">What it is to do.</param>
public sealed record RotationCall(string Function, string? Place, Vault Vault, Secret Head, RequestToken Token, RotationStep Step);

/// <summary>How a call ended.</summary>
/// <param name="Done">Whether the function did its step.</param>
/// <param name="Reason">For the trail: up to 200 characters, never anything that the function printed or answered.</param>
public readonly record struct RotationOutcome(bool Done, string Reason);

/// <summary>The functions that rotate secrets. Where they run and as whom is not the core's to know.</summary>
public interface IRotationFunctions
{
    /// <summary>Whether there is a function of that name that secrets of this vault may use.</summary>
    bool MayInvoke(string function, VaultName vault);

    /// <summary>Calls a function and waits for it. What it fails with is an outcome, not an exception.</summary>
    ValueTask<RotationOutcome> InvokeAsync(CofferCore core, RotationCall call, CancellationToken cancellationToken);
}
