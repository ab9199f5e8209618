namespace Coffer.Core.Sealing;

/// <summary>
/// Marks a type whose fields hold plaintext or key material. A test goes through every marked type and proves that
/// printing, serialising and the debugger's view give <c>***</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct, Inherited = false)]
internal sealed class HoldsSecretAttribute : Attribute;
