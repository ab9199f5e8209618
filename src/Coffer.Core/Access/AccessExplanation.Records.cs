using System.Net;
using Coffer.Core.Audit;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

internal static partial class AccessExplainer
{
    /// <summary>What was asked of the policies when the record was written; nothing where no policy was asked.</summary>
    public static IEnumerable<AccessQuestion> QuestionsOf(AuditRecord record)
    {
        VaultName? vault = VaultName.TryParse(record.Vault, out VaultName known) ? known : null;
        SecretName? name = SecretName.TryParse(record.Name, out SecretName secret) ? secret : null;
        IPAddress? address = IPAddress.TryParse(record.Address, out IPAddress? from) ? from : null;
        foreach (string action in record.Action.Split('+'))
        {
            if (action == CredentialService.IssueAction)
            {
                yield return new(record.Name == record.Principal ? Operation.WhoAmI : Operation.Administer, null, null, null, address);
            }
            else if (OperationOf(action) is { } operation)
            {
                // The name in a record about administration is that of a principal, a group or a grant.
                bool ofSecret = operation is not (Operation.Administer or Operation.ReadPolicy or Operation.WritePolicy or Operation.WhoAmI or Operation.ListSecrets or Operation.ListDeleted);
                yield return new(operation, vault, ofSecret ? name : null, operation == Operation.ReadValue ? VersionSelector.Current : null, address);
            }
        }
    }

    /// <summary>Who acts as another is asked about that first, and as an administrator of the server only then.</summary>
    public static AccessExplanation OfAssuming(AccessSnapshot snapshot, AccessExplanation asAdministrator, PrincipalName target, Caller asked, long now)
    {
        if (snapshot.PrincipalsByName.TryGetValue(target, out Principal? wanted)
            && AccessEvaluator.DecideAssuming(snapshot, new() { Operation = Operation.Administer, Caller = asked, Now = now }, wanted) is { Allowed: true } assumed)
        {
            return asAdministrator with { Decision = assumed, Until = null, Remedy = null };
        }

        return asAdministrator.Decision.Allowed ? asAdministrator : asAdministrator with
        {
            Decision = asAdministrator.Decision with { Reason = $"{target} may not be assumed by {asAdministrator.Subject.Name}" },
            Remedy = snapshot.PrincipalsByName.ContainsKey(target) ? $"coffer principal allow-assume {target} --by {asAdministrator.Subject.Name}" : null,
        };
    }

    private static Operation? OperationOf(string action) => action switch
    {
        "Explain" or "ListCredentials" or "ListSessions" => Operation.ReadPolicy,
        "Promote" => Operation.ListSecrets,
        "RotateCredential" or "UpdateCredential" or "DeleteCredential" or "InvitePerson" or "ResetPerson" => Operation.Administer,
        _ => Enum.TryParse(action, out Operation own) && Enum.IsDefined(own) ? own : null,
    };
}
