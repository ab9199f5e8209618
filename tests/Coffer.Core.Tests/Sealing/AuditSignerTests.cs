using System.Security.Cryptography;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Sealing;

public sealed class AuditSignerTests
{
    [Fact]
    public void Whoever_has_the_public_key_can_verify()
    {
        using SecretValue scalar = AuditSigner.DrawScalar();
        using AuditSigner signer = AuditSigner.From(scalar);
        byte[] signature = signer.Sign("checkpoint"u8);

        using ECDsa auditor = ECDsa.Create();
        auditor.ImportFromPem(signer.ExportPublicKey());

        Assert.Equal(64, signature.Length);
        Assert.True(auditor.VerifyData("checkpoint"u8, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));
        Assert.Equal(auditor.ExportSubjectPublicKeyInfo(), signer.PublicKey);
        Assert.Equal(AuditSigner.PublicKeyOf(scalar), signer.PublicKey);
        Assert.Matches("^p256-[0-9a-f]{16}$", signer.KeyId);
        Assert.DoesNotContain("PRIVATE", signer.ExportPublicKey(), StringComparison.Ordinal);
    }

    [Fact]
    public void Only_its_own_signatures_and_MACs_hold()
    {
        using SecretValue scalar = AuditSigner.DrawScalar(), otherScalar = AuditSigner.DrawScalar();
        using AuditSigner signer = AuditSigner.From(scalar), same = AuditSigner.From(scalar), other = AuditSigner.From(otherScalar);
        byte[] signature = signer.Sign("data"u8), mac = new byte[32];
        signer.Mac("data"u8, mac);

        Assert.Equal(signer.KeyId, same.KeyId);
        Assert.True(same.Verify(signer.KeyId, "data"u8, signature));
        Assert.True(same.VerifyMac(signer.KeyId, "data"u8, mac));
        Assert.False(other.Verify(signer.KeyId, "data"u8, signature));
        Assert.False(other.Verify(other.KeyId, "data"u8, signature));
        Assert.False(other.VerifyMac(other.KeyId, "data"u8, mac));
        Assert.False(signer.Verify(other.KeyId, "data"u8, signature));
        Assert.False(signer.VerifyMac(other.KeyId, "data"u8, mac));
        Assert.False(signer.Verify(signer.KeyId, "date"u8, signature));
        Assert.False(signer.VerifyMac(signer.KeyId, "date"u8, mac));
        Assert.False(signer.Verify(signer.KeyId, "data"u8, []));
        Assert.False(signer.Verify(signer.KeyId, "data"u8, new byte[64]));
        Assert.False(signer.VerifyMac(signer.KeyId, "data"u8, []));
    }

    [Fact]
    public void Scalars_outside_the_curve_are_refused()
    {
        using SecretValue zero = SecretValue.Rent(32), large = SecretValue.Rent(32);
        large.Buffer.Fill(0xFF);

        Assert.ThrowsAny<CryptographicException>(() => AuditSigner.From(zero));
        Assert.ThrowsAny<CryptographicException>(() => AuditSigner.From(large));
    }
}
