using Coffer.Core.Rotations;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws;

/// <summary>What RotateSecret is asked with, for conditions: known before anything is decided.</summary>
/// <param name="LambdaArn">The function, or null where none is given.</param>
/// <param name="Immediately">Whether it rotates at once.</param>
/// <param name="ModifiesRules">Whether rules are given.</param>
internal sealed record AwsRotationRequest(string? LambdaArn, bool Immediately, bool ModifiesRules);

internal sealed partial class AwsEndpoints
{
    private const AwsMembers RotationMembers = AwsMembers.ClientRequestToken | AwsMembers.RotationLambdaARN | AwsMembers.RotationRules | AwsMembers.RotateImmediately
        | AwsMembers.ExternalSecretRotationMetadata | AwsMembers.ExternalSecretRotationRoleArn;

    private async Task<AwsBuffer> RotateSecretAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        if (input.ClientRequestToken is null)
        {
            throw new AwsRefusal(AwsError.InvalidParameter(TokenMissing));
        }

        if (input.IsExternalRotation)
        {
            throw new AwsRefusal(AwsError.InvalidParameter(NoManagedSecrets));
        }

        RotateSecret command = new()
        {
            Token = RequestToken.Parse(input.ClientRequestToken),
            Function = input.RotationLambdaARN is { Length: > 0 } function ? function : null,
            Place = exchange.Region,
            Rules = RulesOf(input.RotationRules),
            Immediately = input.RotateImmediately != false,
        };
        exchange.Rotation = new(command.Function, command.Immediately, command.Rules is not null);
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        return AwsWire.Write(await core.Secrets.RotateAsync(exchange.Caller!, path, command, cancellationToken).ConfigureAwait(false), exchange.Region, command.Token);
    }

    private async Task<AwsBuffer> CancelRotateSecretAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        WriteOutcome outcome = await core.Secrets.CancelRotationAsync(exchange.Caller!, path, cancellationToken).ConfigureAwait(false);
        return AwsWire.Write(outcome, exchange.Region, withVersion: outcome.Version is not null, withStages: false);
    }

    /// <summary>Rules as the core has them; a structure without any member says nothing.</summary>
    private static RotationRules? RulesOf(AwsRotationRules? rules) => rules switch
    {
        null or { AutomaticallyAfterDays: null, Duration: null, ScheduleExpression: null } => null,
        { AutomaticallyAfterDays: not null, ScheduleExpression: not null } =>
            throw new AwsRefusal(AwsError.InvalidParameter("You cannot specify both rotation frequency and schedule expression together.")),
        _ => new()
        {
            Days = (int?)rules.AutomaticallyAfterDays,
            Expression = rules.ScheduleExpression,
            Hours = rules.Duration is { } duration ? int.Parse(duration.AsSpan(0, duration.Length - 1), System.Globalization.CultureInfo.InvariantCulture) : null,
        },
    };
}
