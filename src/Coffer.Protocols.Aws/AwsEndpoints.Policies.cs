using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Protocols.Aws.Policies;

namespace Coffer.Protocols.Aws;

/// <summary>The policy on a secret itself.</summary>
internal sealed partial class AwsEndpoints
{
    private const string UnsupportedPrincipal = "This resource policy contains an unsupported principal.";
    private const string LocksOut = "The policy would keep you from changing the policy again.";

    private async Task<AwsBuffer> PutResourcePolicyAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        try
        {
            WriteOutcome outcome = await core.Secrets.PutPolicyAsync(exchange.Caller!, path, IamLanguage.LanguageName, input.ResourcePolicy!, (_, parsed) =>
            {
                IamPolicy policy = (IamPolicy)parsed;
                if (UnknownPrincipal(policy))
                {
                    throw new AwsRefusal(AwsError.MalformedPolicy(UnsupportedPrincipal));
                }

                if (input.BlockPublicPolicy == true && policy.IsPublic())
                {
                    throw new AwsRefusal(AwsError.PublicPolicy("The BlockPublicPolicy parameter is set to true, and the policy grants access to everyone."));
                }
            }, cancellationToken).ConfigureAwait(false);
            return AwsWire.Write(outcome, exchange.Region, withVersion: false, withStages: false);
        }
        catch (CofferException malformed) when (malformed.Code == CofferErrorCode.InvalidRequest)
        {
            throw new AwsRefusal(AwsError.MalformedPolicy($"This resource policy contains a syntax error: {malformed.Message}."));
        }
    }

    private async Task<AwsBuffer> GetResourcePolicyAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        return AwsWire.Write(await core.Secrets.GetPolicyAsync(exchange.Caller!, path, IamLanguage.LanguageName, cancellationToken).ConfigureAwait(false), exchange.Region);
    }

    private async Task<AwsBuffer> DeleteResourcePolicyAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        SecretPath path = await LocateAsync(exchange, input.SecretId!).ConfigureAwait(false);
        WriteOutcome outcome = await core.Secrets.DeletePolicyAsync(exchange.Caller!, path, IamLanguage.LanguageName, cancellationToken).ConfigureAwait(false);
        return AwsWire.Write(outcome, exchange.Region, withVersion: false, withStages: false);
    }

    /// <summary>Syntax, broad access, and whether the caller would be kept out; without a secret the last is not asked.</summary>
    private async Task<AwsBuffer> ValidateResourcePolicyAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        List<(string Check, string Message)> errors = [];
        SecretPath? path = null;
        Secret? head = null;
        if (input.SecretId is { } secretId)
        {
            path = await LocateAsync(exchange, secretId).ConfigureAwait(false);
            head = (await core.Secrets.MayPutPolicyAsync(exchange.Caller!, path.Value, cancellationToken).ConfigureAwait(false)).Head;
        }

        try
        {
            IamPolicy policy = (IamPolicy)IamLanguage.Instance.Parse(new()
            {
                Id = Guid.Empty,
                Language = IamLanguage.LanguageName,
                Name = "validated",
                Use = PolicyUse.Resource,
                Source = input.ResourcePolicy!,
                AttachedTo = head is null ? Attachment.Server : Attachment.To(head.Uid),
                Created = 0,
                CreatedBy = "",
            });
            if (UnknownPrincipal(policy))
            {
                errors.Add(("INVALID_PRINCIPAL", UnsupportedPrincipal));
            }

            if (policy.IsPublic())
            {
                errors.Add(("PUBLIC_ACCESS", "The policy grants access to everyone."));
            }

            if (path is { } on && !await core.Secrets.WouldAllowAsync(exchange.Caller!, on, Operation.WritePolicy, policy, cancellationToken).ConfigureAwait(false))
            {
                errors.Add(("LOCKED_OUT", LocksOut));
            }
        }
        catch (CofferException malformed) when (malformed.Code == CofferErrorCode.InvalidRequest)
        {
            errors.Add(("INVALID_POLICY_SYNTAX", $"This resource policy contains a syntax error: {malformed.Message}."));
        }

        return AwsWire.Write(errors);
    }

    private bool UnknownPrincipal(IamPolicy policy)
    {
        AwsAccounts accounts = AwsAccounts.Of(core.Access);
        foreach (IamStatement statement in policy.Statements)
        {
            if (statement.Principals is { } named
                && (named.Federated.Length > 0 || named.Arns.Any(arn => !accounts.Knows(arn)) || named.Accounts.Any(a => !VaultNumber.TryParse(a, out VaultNumber number) || !core.Access.VaultsByNumber.ContainsKey(number))))
            {
                return true;
            }
        }

        return false;
    }
}

internal static partial class AwsWire
{
    /// <summary>Answer of GetResourcePolicy.</summary>
    public static AwsBuffer Write(SecretPolicy policy, string region) => Filled(1024 + ((policy.Source?.Length ?? 0) * 2), (policy, region), static (writer, answer) =>
    {
        writer.WriteStartObject();
        writer.WriteString("ARN"u8, AwsNames.Arn(answer.region, answer.policy.Vault, answer.policy.Head));
        writer.WriteString("Name"u8, answer.policy.Head.Name.Value);
        if (answer.policy.Source is { } source)
        {
            writer.WriteString("ResourcePolicy"u8, source);
        }

        writer.WriteEndObject();
    });

    /// <summary>Answer of ValidateResourcePolicy.</summary>
    public static AwsBuffer Write(IReadOnlyList<(string Check, string Message)> errors) => Filled(1024, errors, static (writer, errors) =>
    {
        writer.WriteStartObject();
        writer.WriteBoolean("PolicyValidationPassed"u8, errors.Count == 0);
        writer.WriteStartArray("ValidationErrors"u8);
        foreach ((string check, string message) in errors)
        {
            writer.WriteStartObject();
            writer.WriteString("CheckName"u8, check);
            writer.WriteString("ErrorMessage"u8, message);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    });
}
