using System.Collections.Immutable;
using Coffer.Core.Access;

namespace Coffer.Protocols.Aws.Policies;

public sealed partial class IamLanguage
{
    private static readonly IamAction
        AssumeRole = IamAction.Of("sts:AssumeRole"),
        AssumeByToken = IamAction.Of("sts:AssumeRoleWithWebIdentity"),
        TagSession = IamAction.Of("sts:TagSession");

    /// <inheritdoc/>
    public PolicyUse LimitUse => PolicyUse.Session;

    /// <inheritdoc/>
    public Judgement JudgeAssuming(AccessSnapshot access, AccessRequest request, Principal target)
    {
        ImmutableArray<ParsedPolicy> trusts = TrustsOf(access, target);
        ReadOnlySpan<ParsedPolicy> own = access.Applicable(this, request, []);
        if (trusts.IsEmpty && own.IsEmpty)
        {
            return new(Verdict.Silent, AccessEvaluator.NothingAllows);
        }

        AwsIdentity caller = AwsIdentity.Of(access, request.Caller);
        AwsExchange? native = request.Caller.Native as AwsExchange;
        Judgement judgement = Judge(own, AskRole(access, request, caller, native, target, AssumeRole), trusts);
        return judgement.Verdict == Verdict.Allow && native?.RequestTags is { IsEmpty: false }
            ? Judge(own, AskRole(access, request, caller, native, target, TagSession), trusts)
            : judgement;
    }

    /// <summary>
    /// Whether a role's trust policies let a token's bearer have the role: by a statement that names the token's issuer. A role whose
    /// trust policies name no issuer leaves it to the server's own trusts.
    /// </summary>
    internal static bool AllowsToken(AccessSnapshot access, AccessRequest request, Principal role, string issuer)
    {
        string provider = $"arn:aws:iam::{AwsNames.Account(role.Home, access)}:oidc-provider/{issuer}";
        IamQuestion question = AskRole(access, request, AwsIdentity.Of(access, role), request.Caller.Native as AwsExchange, role, AssumeByToken);
        bool names = false, allows = false;
        foreach (ParsedPolicy policy in TrustsOf(access, role))
        {
            if (policy is not IamPolicy parsed)
            {
                return false;
            }

            foreach (IamStatement statement in parsed.Statements.Where(s => s.Principals!.Federated.Length > 0 || !s.Allow))
            {
                names |= statement.Principals!.Federated.Length > 0;
                IamTruth holds = statement.Actions.Contains(AssumeByToken) == statement.NotAction || !(statement.Principals.NamesProvider(provider) || statement.Principals.IsEveryone)
                    ? IamTruth.False
                    : ConditionsHold(statement, question.Context);
                if (!statement.Allow && holds != IamTruth.False)
                {
                    return false;
                }

                allows |= statement.Allow && holds == IamTruth.True && statement.Principals.NamesProvider(provider);
            }
        }

        return allows || !names;
    }

    private static ImmutableArray<ParsedPolicy> TrustsOf(AccessSnapshot access, Principal role) =>
        [.. access.On(LanguageName, Attachment.ToPrincipal(role.Id)).Where(p => p.Policy.Use == PolicyUse.Trust)];

    private static IamQuestion AskRole(AccessSnapshot access, AccessRequest request, AwsIdentity caller, AwsExchange? native, Principal target, IamAction action)
    {
        AwsIdentity role = AwsIdentity.Of(access, target);
        IamResource resource = IamResource.Of(role.Arn);
        return new()
        {
            Action = action,
            Resource = resource,
            Caller = caller,
            Context = new(request with { Head = null, Name = null }, caller, action, resource, native),
            SameAccount = caller.Account != AwsNames.NoAccount && caller.Account == role.Account,
        };
    }
}
