using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Audit;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

internal static partial class NativeWire
{
    /// <summary>Writes records as JSON lines, until there are no more or <paramref name="goOn"/> says no. Headers go out first.</summary>
    public static async Task WriteLinesAsync(HttpContext context, IAsyncEnumerable<AuditEntry> entries, bool flushEach, Func<ValueTask<bool>> goOn)
    {
        const int chunk = 32 * 1024;
        context.Response.ContentType = "application/x-ndjson";
        if (HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }

        PipeWriter output = context.Response.BodyWriter;
        await output.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        await foreach (AuditEntry entry in entries.WithCancellation(context.RequestAborted).ConfigureAwait(false))
        {
            if (!await goOn().ConfigureAwait(false))
            {
                break;
            }

            using (Utf8JsonWriter writer = new(output, ZeroingBuffer.Json))
            {
                JsonSerializer.Serialize(writer, Info(entry), ContractsJson.Default.AuditEvent);
            }

            output.Write("\n"u8);
            if (flushEach || output.UnflushedBytes >= chunk)
            {
                await output.FlushAsync(context.RequestAborted).ConfigureAwait(false);
            }
        }

        await output.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>How the trail's index stands.</summary>
    public static AuditIndexState Info(AuditIndexReport report) => new()
    {
        Files = report.Files,
        Segments = report.Segments,
        Records = report.Records,
        Bytes = report.Bytes,
        Missing = report.Missing,
        Damaged = report.Damaged,
        Stale = report.Stale,
        Rebuilt = report.Rebuilt,
        Repaired = report.Repaired,
    };

    /// <summary>Who read a secret.</summary>
    public static SecretReaders Info(IReadOnlyList<AuditReading> readings) => new()
    {
        Readers =
        [
            .. readings.Select(static r => new SecretReader
            {
                Principal = r.Principal,
                Version = r.Version,
                Count = r.Count,
                Last = Microseconds.ToTime(r.Last.Record.Time),
                Credential = r.Last.Record.Credential,
                Address = r.Last.Record.Address,
                Dialect = r.Last.Record.Dialect,
                RequestId = r.Last.Record.RequestId,
            }),
        ],
    };

    /// <summary>The report of a verification, its first 1,000 problems.</summary>
    public static AuditVerification Info(AuditReport report) => new()
    {
        Sound = report.Sound,
        Records = report.Records,
        Files = report.Files,
        Checkpoints = report.Checkpoints,
        Breaks = report.Breaks,
        Bytes = report.Bytes,
        LastSequence = report.LastSequence,
        ProblemCount = report.ProblemCount,
        Problems = [.. report.Problems.Take(1000).Select(p => new AuditFault
        {
            Kind = p.Kind.ToString(),
            File = p.File,
            Line = p.Line,
            Sequence = p.Sequence,
            Detail = p.Detail,
            Accepted = p.Accepted,
        })],
    };

    private static AuditEvent Info(AuditEntry entry)
    {
        AuditRecord record = entry.Record;
        return new()
        {
            Sequence = entry.Sequence,
            Id = record.Id,
            Time = Microseconds.ToTime(record.Time),
            Dialect = record.Dialect,
            WireOperation = record.WireOperation,
            Action = record.Action,
            Principal = record.Principal,
            PrincipalId = record.PrincipalId,
            Credential = record.Credential,
            Vault = record.Vault,
            Name = record.Name,
            Version = record.Version,
            Decision = record.Decision switch { AuditDecision.Allow => "allow", AuditDecision.Deny => "deny", AuditDecision.Fail => "fail" },
            Reason = record.Reason,
            Address = record.Address,
            UserAgent = record.UserAgent,
            RequestId = record.RequestId,
        };
    }
}
