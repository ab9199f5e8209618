using Coffer.Client;
using Coffer.Contracts;
using Coffer.Sources;
using Coffer.Sources.CofferApi;
using Coffer.Sources.References;

namespace Coffer.Cli.Commands;

/// <summary>Resolves references through a server on another machine: the way that the native front does not have.</summary>
internal sealed class RemoteSecrets(CofferClientOptions server)
{
    private const int BatchSize = 100;

    /// <summary>The values in the order of the references.</summary>
    public IReadOnlyList<ResolvedSecret> Resolve(IReadOnlyList<CofferReference> references)
    {
        try
        {
            return ResolveAsync(references).GetAwaiter().GetResult();
        }
        catch (CofferClientException failure)
        {
            throw new SourceException(SourceErrorKind.Unavailable, failure.Message, "coffer status tells more");
        }
    }

    private async Task<IReadOnlyList<ResolvedSecret>> ResolveAsync(IReadOnlyList<CofferReference> references)
    {
        using CofferClient client = new(server);
        List<ResolvedSecret> resolved = [];
        foreach (CofferReference[] batch in references.Chunk(BatchSize))
        {
            using ResolveResult answer = await client.ResolveAsync([.. batch.Select(r => new Contracts.SecretReference { Vault = r.Vault!, Name = r.Name, Version = r.Version })]).ConfigureAwait(false);
            for (int i = 0; i < batch.Length; i++)
            {
                resolved.Add(Of(batch[i], answer.Values[i]));
            }
        }

        return resolved;
    }

    private static ResolvedSecret Of(CofferReference reference, ResolvedValue value) =>
        value.Text is { } text ? new(text.Reveal())
        : value.Base64 is not null ? new(new SourceException(SourceErrorKind.Invalid, $"{reference} is not text", "an environment variable holds text; read it with coffer get"))
        : new(new SourceException(SourceErrorKind.NotFound, $"{reference}: {value.Error?.Message ?? "no value"}", null));
}
