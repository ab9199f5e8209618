using System.Collections.Immutable;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws;

internal sealed partial class AwsEndpoints
{
    private const int MaxBatch = 20;

    /// <summary>Each secret is decided and recorded by itself; what fails for one is told beside the others' values.</summary>
    private async Task<AwsBuffer> BatchGetSecretValueAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        if (input.Filters is null && input.SecretIdList is not null && input.MaxResults is not null)
        {
            throw new AwsRefusal(AwsError.InvalidParameter("'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided."));
        }

        if (input.SecretIdList is null == input.Filters is null)
        {
            throw new AwsRefusal(AwsError.InvalidParameter("Either 'SecretIdList' or 'Filters' must be provided, but not both."));
        }

        List<(string SecretId, SecretPath Path)> wanted = [];
        string? next = null;
        if (input.SecretIdList is { } ids)
        {
            foreach (string id in ids)
            {
                wanted.Add((id, await LocateAsync(exchange, id).ConfigureAwait(false)));
            }
        }
        else
        {
            if (exchange.Caller!.HomeOf() is not { } home)
            {
                throw await NoHomeAsync(exchange, null).ConfigureAwait(false);
            }

            SecretPage page = await core.Secrets.ListAsync(exchange.Caller!, home, ListOf(input, MaxBatch), cancellationToken).ConfigureAwait(false);
            next = page.NextToken;
            wanted.AddRange(page.Items.Select(i => (AwsNames.Arn(exchange.Region, i.Vault, i.Head), new SecretPath(home, i.Head.Name))));
        }

        ImmutableArray<(SecretReading? Reading, CofferError? Failure)> read =
            await core.Secrets.GetValuesAsync(exchange.Caller!, [.. wanted.Select(w => (w.Path, VersionSelector.Current))], cancellationToken).ConfigureAwait(false);
        try
        {
            List<(string SecretId, AwsError Error)> errors = [];
            foreach (((string secretId, SecretPath path), (_, CofferError? failure)) in wanted.Zip(read))
            {
                if (failure is not null)
                {
                    errors.Add((secretId, await AwsErrors.OfAsync(core, failure, exchange.ItemOf(secretId, path), cancellationToken).ConfigureAwait(false)));
                }
            }

            return AwsWire.Write([.. read.Select(r => r.Reading).OfType<SecretReading>()], errors, next, exchange.Region);
        }
        finally
        {
            foreach ((SecretReading? reading, _) in read)
            {
                reading?.Dispose();
            }
        }
    }
}
