using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Audit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Coffer.Core.Tests.Audit;

/// <summary>Signs with one HMAC key a name, so that a forger with another key can be played too.</summary>
internal sealed class TestSigner(string keyId = "test-1") : IAuditSigner
{
    private readonly byte[] _key = SHA256.HashData(Encoding.UTF8.GetBytes("test key " + keyId));

    public string KeyId => keyId;

    public byte[] Sign(ReadOnlySpan<byte> data) => HMACSHA256.HashData(_key, data);

    public bool Verify(string keyId, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) =>
        keyId == KeyId && CryptographicOperations.FixedTimeEquals(Sign(data), signature);

    public void Mac(ReadOnlySpan<byte> data, Span<byte> mac) => HMACSHA256.HashData(_key, data, mac);

    public bool VerifyMac(string keyId, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac) => Verify(keyId, data, mac);
}

/// <summary>A folder of its own for one test, gone with it.</summary>
internal sealed class TrailDirectory : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("coffer-audit-").FullName;

    public string Path => System.IO.Path.Combine(_root, "audit");

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    public TestSigner Signer { get; } = new();

    public AuditTrailOptions Options => new() { Directory = Path, Signer = Signer, Clock = Clock };

    public string FileOf(long number) => System.IO.Path.Combine(Path, TrailFolder.NameOf(number));

    public string Head => System.IO.Path.Combine(Path, TrailFolder.HeadName);

    public Task<AuditReport> VerifyAsync(AuditCheckpoint? expected = null, long firstFile = 1) =>
        AuditVerifier.VerifyAsync(Path, Signer, expected, firstFile, TestContext.Current.CancellationToken);

    public ValueTask<AuditTrail> OpenAsync(AuditTrailOptions? options = null) => AuditTrail.OpenAsync(options ?? Options, TestContext.Current.CancellationToken);

    public AuditRecord Record(int number, AuditChange? change = null) => new()
    {
        Id = Guid.CreateVersion7(Clock.GetUtcNow()),
        Time = Clock.Now() + number,
        Dialect = "aws",
        WireOperation = "GetSecretValue",
        Action = "ReadValue",
        Principal = "shop-api",
        PrincipalId = new Guid(number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
        Credential = "AKIACOFFER00000001",
        Vault = "shop-prod",
        Name = "db/password-" + number,
        Version = "AWSCURRENT",
        Decision = number % 5 == 0 ? AuditDecision.Deny : AuditDecision.Allow,
        Reason = "grant shop-readers, statement 1",
        Address = "10.1.2.3",
        UserAgent = "aws-sdk-go-v2/1.30",
        RequestId = "req-" + number,
        Change = change,
    };

    /// <summary>A closed trail of several files with changes in it.</summary>
    public async Task<AuditCheckpoint> WriteAsync(int records, long fileBytes = 16_384, int checkpointRecords = 7)
    {
        AuditCheckpoint? last = null;
        await using (AuditTrail trail = await OpenAsync(Options with
        {
            FileBytes = fileBytes,
            CheckpointRecords = checkpointRecords,
            OnCheckpoint = checkpoint =>
            {
                last = checkpoint;
                return ValueTask.CompletedTask;
            },
        }))
        {
            for (int i = 1; i <= records; i++)
            {
                await trail.AppendAsync(Record(i, i % 3 == 0 ? Changes.Write(i) : null));
            }
        }

        return last!;
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}

internal static class Changes
{
    public static string Uid(int number) => number.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A new secret with one version.</summary>
    public static AuditChange Write(int number) => new() { Uid = Uid(number), Revision = new(0, 1), Versions = [new(1, 0, 1)] };
}

/// <summary>The real folder, but for a disk that fails on demand.</summary>
internal sealed class FaultyFolder(string path) : ITrailFolder
{
    private readonly TrailFolder _inner = TrailFolder.ForWriting(path);

    /// <summary>Bytes until the disk is full, or null.</summary>
    public long? Room { get; set; }

    public bool ReadOnly { get; set; }

    public bool SyncFails { get; set; }

    public int Syncs { get; private set; }

    public int Writes { get; private set; }

    /// <summary>Runs on the flush thread before each sync.</summary>
    public Action? BeforeSync { get; set; }

    public IReadOnlyList<long> Numbers() => _inner.Numbers();

    public Stream OpenRead(long number) => _inner.OpenRead(number);

    public ITrailFile OpenAppend(long number)
    {
        ThrowIfReadOnly();
        return new FaultyFile(this, _inner.OpenAppend(number));
    }

    public byte[]? ReadHead() => _inner.ReadHead();

    public void WriteHead(ReadOnlySpan<byte> head, bool sync)
    {
        ThrowIfReadOnly();
        _inner.WriteHead(head, sync);
    }

    public void Dispose() => _inner.Dispose();

    private void ThrowIfReadOnly()
    {
        if (ReadOnly)
        {
            throw new IOException("Read-only file system", 30);
        }
    }

    private sealed class FaultyFile(FaultyFolder folder, ITrailFile inner) : ITrailFile
    {
        public long Length => inner.Length;

        public void Append(ReadOnlySpan<byte> bytes)
        {
            folder.ThrowIfReadOnly();
            folder.Writes++;
            if (folder.Room is { } room && bytes.Length > room)
            {
                inner.Append(bytes[..(int)room]);
                folder.Room = 0;
                throw new IOException("No space left on device", 28);
            }

            folder.Room -= bytes.Length;
            inner.Append(bytes);
        }

        public void Sync()
        {
            folder.BeforeSync?.Invoke();
            folder.Syncs++;
            if (folder.SyncFails)
            {
                throw new IOException("Input/output error", 5);
            }

            inner.Sync();
        }

        public void Truncate(long length)
        {
            folder.ThrowIfReadOnly();
            inner.Truncate(length);
        }

        public void Dispose() => inner.Dispose();
    }
}
