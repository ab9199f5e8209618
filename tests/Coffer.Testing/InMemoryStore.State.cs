using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Testing;

public sealed partial class InMemoryStore
{
    /// <summary>Everything a store holds. Never changed: a write makes another one.</summary>
    internal sealed record State
    {
        public long LastVaultId { get; init; }

        public long LastSecretId { get; init; }

        public long Epoch { get; init; } = 1;

        public ImmutableSortedDictionary<long, Vault> Vaults { get; init; } = ImmutableSortedDictionary<long, Vault>.Empty;

        public ImmutableSortedDictionary<long, SecretRows> Secrets { get; init; } = ImmutableSortedDictionary<long, SecretRows>.Empty;

        public ImmutableSortedDictionary<Guid, Principal> Principals { get; init; } = ImmutableSortedDictionary<Guid, Principal>.Empty;

        public ImmutableSortedDictionary<Guid, Group> Groups { get; init; } = ImmutableSortedDictionary<Guid, Group>.Empty;

        public ImmutableSortedDictionary<string, Credential> Credentials { get; init; } = ImmutableSortedDictionary.Create<string, Credential>(StringComparer.Ordinal);

        public ImmutableSortedDictionary<string, ApprovalRequest> Approvals { get; init; } = ImmutableSortedDictionary.Create<string, ApprovalRequest>(StringComparer.Ordinal);

        public ImmutableSortedDictionary<Guid, Trust> Trusts { get; init; } = ImmutableSortedDictionary<Guid, Trust>.Empty;

        public ImmutableSortedDictionary<Guid, Policy> Policies { get; init; } = ImmutableSortedDictionary<Guid, Policy>.Empty;

        public ImmutableDictionary<(string Language, string Vault, string Name), Role> Roles { get; init; } = ImmutableDictionary<(string, string, string), Role>.Empty;

        public ImmutableDictionary<(string Mount, string Name), PrincipalAlias> Aliases { get; init; } = ImmutableDictionary<(string, string), PrincipalAlias>.Empty;

        public ImmutableList<PendingAudit> Pending { get; init; } = [];

        public byte[]? Checkpoint { get; init; }

        public KeyTable? Keys { get; init; }
    }

    /// <summary>A head with all that hangs under it.</summary>
    internal sealed record SecretRows(Secret Head)
    {
        public ImmutableSortedDictionary<int, SecretVersion> Versions { get; init; } = ImmutableSortedDictionary<int, SecretVersion>.Empty;

        public ImmutableDictionary<int, byte[]> Values { get; init; } = ImmutableDictionary<int, byte[]>.Empty;

        public ImmutableSortedDictionary<VersionLabel, int> Labels { get; init; } = ImmutableSortedDictionary<VersionLabel, int>.Empty;

        public ImmutableDictionary<(int Number, AttributeSpace Space, string Key), string> Attributes { get; init; } =
            ImmutableDictionary<(int Number, AttributeSpace Space, string Key), string>.Empty;

        public ImmutableDictionary<(int Number, string Dialect), string> Annotations { get; init; } = ImmutableDictionary<(int Number, string Dialect), string>.Empty;
    }
}
