using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;

namespace Coffer.Workload.Doors;

/// <summary>Whom a door gives credentials for, as the vendors' metadata services tell it.</summary>
public sealed record WorkloadIdentity
{
    /// <summary>The principal's name.</summary>
    public required string Name { get; init; }

    /// <summary>The principal's id: the object id and client id of a managed identity.</summary>
    public required Guid Id { get; init; }

    /// <summary>The vault that calls land in: the Google project.</summary>
    public required string Vault { get; init; }

    /// <summary>Its twelve digits: the Google project number, the AWS account.</summary>
    public required string VaultNumber { get; init; }

    /// <summary>The Google service account.</summary>
    public string Email => $"{Name}@{Vault}.iam.gserviceaccount.com";

    /// <summary>The service account's number, twenty-one digits that never change.</summary>
    public string UniqueId
    {
        get
        {
            Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
            SHA256.HashData(Id.ToByteArray(bigEndian: true), digest);
            BigInteger number = ((UInt128)BinaryPrimitives.ReadUInt64BigEndian(digest) << 64) | BinaryPrimitives.ReadUInt64BigEndian(digest[8..]);
            return (BigInteger.Pow(10, 20) + (number % (9 * BigInteger.Pow(10, 20)))).ToString(CultureInfo.InvariantCulture);
        }
    }
}
