using System.Globalization;
using System.Net;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Protocols.Aws.Policies;

namespace Coffer.Benchmarks;

/// <summary>
/// One decision over <see cref="Grants"/> grants of which <see cref="Applying"/> apply to the caller, and who-can over
/// <see cref="People"/> principals and as many grants: processor time and allocated bytes, in one thread.
/// </summary>
internal static class AccessSteps
{
    private const int Grants = 10_000, Applying = 50, People = 1_000;

    public static void Run(int calls)
    {
        Principal[] people = [.. Enumerable.Range(0, People).Select(i => new Principal { Id = Guid.CreateVersion7(), Name = PrincipalName.Parse(string.Create(CultureInfo.InvariantCulture, $"p{i:D4}")), Kind = i % 3 == 0 ? PrincipalKind.Person : PrincipalKind.Workload, Created = 0 })];
        Vault[] vaults = [.. Enumerable.Range(0, 20).Select(i => new Vault { Id = i + 1, Name = VaultName.Parse(string.Create(CultureInfo.InvariantCulture, $"shop-{i:D2}")), Number = VaultNumber.From(100_000_000_000 + i), Created = 0 })];
        // The first principal holds fifty, each with a condition to check; only the last allows. The others share the rest.
        Policy[] policies =
        [
            .. Enumerable.Range(0, Grants).Select(i => Document(
                new Grant
                {
                    Actions = i % 5 == 0 ? CofferActions.Writer : CofferActions.Reader,
                    Vault = i < Applying ? vaults[0].Name : vaults[i % vaults.Length].Name,
                    Names = i < Applying - 1 ? string.Create(CultureInfo.InvariantCulture, $"team{i:D2}/*/key-?") : "*",
                    Cidrs = i % 3 == 0 ? [IPNetwork.Parse("10.0.0.0/8")] : [],
                    Until = i % 4 == 0 ? long.MaxValue : null,
                },
                i < Applying ? people[0] : people[1 + (i % (People - 1))],
                i)),
        ];
        AccessSnapshot snapshot = new(vaults, new(1, people, [], [], policies, [], [], []), [new GrantLanguage()]);
        AccessRequest request = new()
        {
            Operation = Operation.ReadValue,
            Caller = Of(people[0]),
            Now = TimeProvider.System.Now(),
            VaultName = vaults[0].Name,
            Vault = vaults[0],
            Name = SecretName.Parse("team99/database/key-1"),
            Version = VersionSelector.Current,
        };
        if (!AccessEvaluator.Decide(snapshot, request).Allowed)
        {
            throw new InvalidOperationException("the decision measured is to be an allowed one");
        }

        Steps.Header();
        Steps.Measure("decision, 50 of 10,000 grants", calls, () => AccessEvaluator.Decide(snapshot, request));
        AccessRequest denied = request with { Operation = Operation.PurgeSecret };
        Steps.Measure("the same, denied", calls, () => AccessEvaluator.Decide(snapshot, denied));
        int may = 0;
        Steps.Measure("who-can, 1,000 principals", Math.Max(1, calls / 1000), () => may = people.Count(p => AccessEvaluator.Decide(snapshot, request with { Caller = Of(p) }).Allowed));
        Steps.Measure("who-can, first after a change", Math.Max(1, calls / 10_000), () =>
        {
            AccessSnapshot fresh = new(vaults, new(2, people, [], [], policies, [], [], []), snapshot.Languages, snapshot);
            may = people.Count(p => AccessEvaluator.Decide(fresh, request with { Caller = Of(p) }).Allowed);
        });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{may} of {People} may"));
        foreach (int statements in (ReadOnlySpan<int>)[1, 500])
        {
            MeasureIam(statements, calls, vaults[0], request);
        }
    }

    /// <summary>A decision by AWS policies whose statements name other secrets, half of them with a condition; the last one allows.</summary>
    private static void MeasureIam(int statements, int calls, Vault vault, AccessRequest request)
    {
        Principal caller = request.Caller.Principal with { Home = vault.Name };
        string[] all =
        [
            .. Enumerable.Range(0, statements - 1).Select(i => string.Create(CultureInfo.InvariantCulture, $"{{\"Effect\":\"{(i % 4 == 0 ? "Deny" : "Allow")}\",\"Action\":\"secretsmanager:Get*\",\"Resource\":\"arn:aws:secretsmanager:*:{vault.Number}:secret:team{i:D3}/*-??????\"{(i % 2 == 0 ? ",\"Condition\":{\"StringEquals\":{\"aws:ResourceTag/env\":\"dev\"}}" : "")}}}")),
            "{\"Effect\":\"Allow\",\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"arn:aws:secretsmanager:*:*:secret:team99/*\"}",
        ];
        // As IAM has it: ten managed policies at most.
        Policy[] policies = [.. all.Chunk(Math.Max(1, statements / 10)).Select((chunk, i) => new Policy
        {
            Id = Guid.CreateVersion7(),
            Language = IamLanguage.LanguageName,
            Name = string.Create(CultureInfo.InvariantCulture, $"p{i}"),
            Use = PolicyUse.Identity,
            Source = $"{{\"Version\":\"2012-10-17\",\"Statement\":[{string.Join(',', chunk)}]}}",
            AttachedTo = Attachment.ToPrincipal(caller.Id),
            Created = 0,
            CreatedBy = "bench",
        })];
        AccessSnapshot snapshot = new([vault], new(1, [caller], [], [], policies, [], [], []), [new GrantLanguage(), new IamLanguage()]);
        Secret head = new() { Uid = SecretUid.Draw(), VaultId = vault.Id, Name = request.Name!.Value, Created = 0, Changed = 0 };
        AccessRequest asked = request with { Caller = request.Caller with { Principal = caller }, Head = head };
        if (!AccessEvaluator.Decide(snapshot, asked).Allowed)
        {
            throw new InvalidOperationException("the decision measured is to be an allowed one");
        }

        Steps.Measure(string.Create(CultureInfo.InvariantCulture, $"decision, {statements} IAM statements"), calls, () => AccessEvaluator.Decide(snapshot, asked));
    }

    private static Caller Of(Principal principal) => new() { Principal = principal, Credential = "", Dialect = "native", WireOperation = "bench", RequestId = "bench", Address = IPAddress.Loopback };

    private static Policy Document(Grant grant, Principal to, int number) => new()
    {
        Id = Guid.CreateVersion7(),
        Language = GrantLanguage.LanguageName,
        Name = string.Create(CultureInfo.InvariantCulture, $"g-{number:D8}"),
        Use = PolicyUse.Identity,
        Source = grant.ToSource(),
        AttachedTo = Attachment.ToPrincipal(to.Id),
        Created = 0,
        CreatedBy = "bench",
    };
}
