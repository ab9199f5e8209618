using System.Buffers.Binary;
using System.Buffers.Text;
using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>The session token: what is needed to know a session again, sealed by the server's key.</summary>
public sealed partial class CredentialService
{
    private string SealSession(string keyId, Session session, SecretValue secret)
    {
        byte[] plain = new byte[MaxSessionToken];
        try
        {
            SessionWriter writer = new(plain);
            writer.WriteByte(SessionLayout);
            writer.WriteBlock(secret.Span);
            writer.Write(session.Principal.ToByteArray(bigEndian: true));
            writer.Write(session.Issued);
            writer.Write(session.Expires);
            writer.WriteBlock(Encoding.UTF8.GetBytes(session.Parent));
            writer.WriteBlock(Encoding.UTF8.GetBytes(session.Home?.Value ?? ""));
            writer.WriteBlock(Encoding.UTF8.GetBytes(session.Name));
            writer.WriteBlock(Encoding.UTF8.GetBytes(session.Audience));
            writer.WriteByte((byte)session.Traits.Cidrs.Length);
            writer.WriteByte((byte)session.Traits.Limits.Length);
            writer.WriteByte((byte)session.Traits.Tags.Count);
            foreach (IPNetwork network in session.Traits.Cidrs)
            {
                writer.WriteBlock(Encoding.UTF8.GetBytes(network.ToString()));
            }

            foreach (PolicySet limit in session.Traits.Limits)
            {
                writer.WriteBlock(Encoding.UTF8.GetBytes(limit.Language));
                writer.WriteByte((byte)limit.Sources.Length);
                foreach (string source in limit.Sources)
                {
                    writer.WriteBlock(Encoding.UTF8.GetBytes(source));
                }
            }

            foreach ((string key, string value) in session.Traits.Tags)
            {
                writer.WriteByte(session.Traits.TransitiveTags.Contains(key, StringComparer.OrdinalIgnoreCase) ? (byte)1 : (byte)0);
                writer.WriteBlock(Encoding.UTF8.GetBytes(key));
                writer.WriteBlock(Encoding.UTF8.GetBytes(value));
            }

            return Base64Url.EncodeToString(_parts.Keys.Seal(plain.AsSpan(0, writer.Length), SealContext.ForCredential("session:" + keyId)));
        }
        catch (ArgumentException)
        {
            throw Error.TooLarge("session token", MaxSessionToken);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    private (Session Session, byte[] Sealed)? OpenSession(string keyId, string token)
    {
        if (token.Length > MaxSessionToken * 2)
        {
            return null;
        }

        try
        {
            byte[] sealedToken = Base64Url.DecodeFromChars(token);
            using SecretValue plain = _parts.Keys.Open(sealedToken, SealContext.ForCredential("session:" + keyId));
            SessionReader reader = new(plain.Span);
            if (reader.Read(1)[0] != SessionLayout)
            {
                return null;
            }

            reader.ReadBlock();
            Guid principal = new(reader.Read(16), bigEndian: true);
            long issued = BinaryPrimitives.ReadInt64BigEndian(reader.Read(8));
            long expires = BinaryPrimitives.ReadInt64BigEndian(reader.Read(8));
            string parent = Encoding.UTF8.GetString(reader.ReadBlock());
            string home = Encoding.UTF8.GetString(reader.ReadBlock());
            string name = Encoding.UTF8.GetString(reader.ReadBlock());
            string audience = Encoding.UTF8.GetString(reader.ReadBlock());
            ReadOnlySpan<byte> counts = reader.Read(3);
            ImmutableArray<IPNetwork>.Builder cidrs = ImmutableArray.CreateBuilder<IPNetwork>(counts[0]);
            ImmutableArray<PolicySet>.Builder limits = ImmutableArray.CreateBuilder<PolicySet>(counts[1]);
            for (int i = 0; i < counts[0]; i++)
            {
                cidrs.Add(IPNetwork.Parse(Encoding.UTF8.GetString(reader.ReadBlock())));
            }

            for (int i = 0; i < counts[1]; i++)
            {
                string language = Encoding.UTF8.GetString(reader.ReadBlock());
                string[] sources = new string[reader.Read(1)[0]];
                for (int j = 0; j < sources.Length; j++)
                {
                    sources[j] = Encoding.UTF8.GetString(reader.ReadBlock());
                }

                limits.Add(new(language, [.. sources]));
            }

            ImmutableSortedDictionary<string, string>.Builder tags = Secret.NoTags.ToBuilder();
            List<string> transitive = [];
            for (int i = 0; i < counts[2]; i++)
            {
                bool goesAlong = reader.Read(1)[0] != 0;
                string key = Encoding.UTF8.GetString(reader.ReadBlock());
                tags[key] = Encoding.UTF8.GetString(reader.ReadBlock());
                if (goesAlong)
                {
                    transitive.Add(key);
                }
            }

            SessionTraits traits = new() { Limits = limits.DrainToImmutable(), Cidrs = cidrs.DrainToImmutable(), Tags = tags.ToImmutable(), TransitiveTags = [.. transitive] };
            return (new(principal, parent, issued, expires, home.Length == 0 ? null : VaultName.Parse(home), name, traits, audience), sealedToken);
        }
        catch (Exception failure) when (failure is SealIntegrityException or FormatException or ArgumentException)
        {
            return null;
        }
    }

    private SecretValue SecretOf(string keyId, byte[] sealedToken)
    {
        using SecretValue plain = _parts.Keys.Open(sealedToken, SealContext.ForCredential("session:" + keyId));
        SessionReader reader = new(plain.Span);
        reader.Read(1);
        return SecretValue.Copy(reader.ReadBlock());
    }

    private ref struct SessionWriter(Span<byte> buffer)
    {
        private readonly Span<byte> _buffer = buffer;

        public int Length { get; private set; }

        public void WriteByte(byte value) => _buffer[Length++] = value;

        public void Write(scoped ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_buffer[Length..]);
            Length += bytes.Length;
        }

        public void Write(long number)
        {
            BinaryPrimitives.WriteInt64BigEndian(_buffer.Slice(Length, 8), number);
            Length += 8;
        }

        public void WriteBlock(scoped ReadOnlySpan<byte> bytes)
        {
            BinaryPrimitives.WriteUInt16BigEndian(_buffer.Slice(Length, 2), checked((ushort)bytes.Length));
            Length += 2;
            Write(bytes);
        }
    }

    private ref struct SessionReader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public ReadOnlySpan<byte> Read(int count)
        {
            ReadOnlySpan<byte> read = _rest[..count];
            _rest = _rest[count..];
            return read;
        }

        public ReadOnlySpan<byte> ReadBlock() => Read(BinaryPrimitives.ReadUInt16BigEndian(Read(2)));
    }
}
