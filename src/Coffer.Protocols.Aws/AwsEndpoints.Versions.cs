using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws;

internal sealed partial class AwsEndpoints
{
    private async Task<AwsBuffer> UpdateSecretVersionStageAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        VersionSelector? from = input.RemoveFromVersionId is { } removed ? AwsNames.SelectorOf(removed, null) : null;
        VersionSelector? to = input.MoveToVersionId is { } target ? AwsNames.SelectorOf(target, null) : null;
        exchange.Move = (from, to);
        exchange.Selector = to ?? from;
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        WriteOutcome outcome = await core.Secrets.MoveLabelAsync(exchange.Caller!, path, VersionLabel.Parse(input.VersionStage!), from, to, cancellationToken).ConfigureAwait(false);
        return AwsWire.Write(outcome, exchange.Region, withVersion: false, withStages: false);
    }

    private async Task<AwsBuffer> ListSecretVersionIdsAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        VersionPage page = await core.Secrets.ListVersionsAsync(
            exchange.Caller!, path, labelled: input.IncludeDeprecated != true, (int)(input.MaxResults ?? 100), input.NextToken, cancellationToken).ConfigureAwait(false);
        return AwsWire.Write(page, exchange.Region);
    }
}
