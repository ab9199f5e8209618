using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Native;

/// <content>Words of this API for the core's closed lists.</content>
internal static partial class NativeNames
{
    private static readonly (string Word, ApprovalNeeds Need)[] Needs = [("break-glass", ApprovalNeeds.BreakGlass), ("purge", ApprovalNeeds.Purge), ("grants", ApprovalNeeds.Grants)];

    private static readonly (string Word, Operation Operation)[] Actions =
    [
        ("list", Operation.ListSecrets), ("describe", Operation.ReadMetadata), ("read", Operation.ReadValue), ("write", Operation.AddVersion), ("tag", Operation.EditTags),
        ("label", Operation.MoveLabel), ("enable", Operation.EnableVersion), ("disable", Operation.DisableVersion), ("delete", Operation.DeleteSecret),
        ("recover", Operation.RecoverSecret), ("purge", Operation.PurgeSecret), ("rotate", Operation.RotateSecret), ("administer", Operation.Administer),
    ];

    /// <summary>The operation that stands for an action, or one by its own name.</summary>
    public static Operation OperationOf(string text)
    {
        foreach ((string word, Operation operation) in Actions)
        {
            if (string.Equals(word, text, StringComparison.Ordinal))
            {
                return operation;
            }
        }

        return text.All(char.IsAsciiLetter) && Enum.TryParse(text, out Operation named) && Enum.IsDefined(named)
            ? named
            : throw Error.InvalidRequest("an action is one of " + string.Join(", ", Actions.Select(a => a.Word)) + ", or an operation as the trail names it", "action");
    }

    public static IEnumerable<string> Approvals(ApprovalNeeds needs) => Needs.Where(n => (needs & n.Need) != 0).Select(n => n.Word);

    public static ApprovalNeeds? Approvals(IReadOnlyList<string>? words)
    {
        ApprovalNeeds? needs = words is null ? null : ApprovalNeeds.None;
        foreach (string word in words ?? [])
        {
            ApprovalNeeds found = Array.Find(Needs, n => n.Word == word).Need;
            needs |= found != ApprovalNeeds.None ? found : throw Error.InvalidRequest("approvals are " + string.Join(", ", Needs.Select(n => n.Word)), "approvals");
        }

        return needs;
    }

    public static ApprovalKind ApprovalKindOf(string text) => text switch
    {
        "grant" => ApprovalKind.Grant,
        "break-glass" => ApprovalKind.BreakGlass,
        "purge" => ApprovalKind.Purge,
        "membership" => ApprovalKind.Membership,
        "loosen" => ApprovalKind.Loosen,
        _ => throw Error.InvalidRequest("a request is for a grant, break-glass, purge, membership or loosen", "kind"),
    };

    public static string Word(ApprovalKind kind) => kind switch
    {
        ApprovalKind.Grant => "grant",
        ApprovalKind.BreakGlass => "break-glass",
        ApprovalKind.Purge => "purge",
        ApprovalKind.Membership => "membership",
        ApprovalKind.Loosen => "loosen",
    };

    public static string Word(ApprovalState state) => state switch
    {
        ApprovalState.Pending => "pending",
        ApprovalState.Approved => "approved",
        ApprovalState.Refused => "refused",
        ApprovalState.Withdrawn => "withdrawn",
    };

    public static string Word(PromotionStep step) => step switch
    {
        PromotionStep.Create => "create",
        PromotionStep.Replace => "replace",
        PromotionStep.Same => "same",
        PromotionStep.Missing => "missing",
        PromotionStep.Refused => "refused",
    };

    public static string Word(ReviewKind kind) => kind switch
    {
        ReviewKind.UnusedGrant => "unused-grant",
        ReviewKind.WideGrant => "wide-grant",
        ReviewKind.EndingGrant => "ending-grant",
        ReviewKind.NoSecondFactor => "no-second-factor",
        ReviewKind.UnusedCredential => "unused-credential",
        ReviewKind.LastingCredential => "lasting-credential",
        ReviewKind.DisabledHolder => "disabled-holder",
    };
}
