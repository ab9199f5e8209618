using System.Collections.Immutable;
using System.Net;
using System.Text.RegularExpressions;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Access;

/// <summary>
/// Grants judged a second time, slowly and in the plainest words, from their stored text and the model's table; both must
/// agree on every request.
/// </summary>
public sealed class GrantReferenceTests
{
    private static readonly string[] Words = ["list", "describe", "read", "write", "tag", "label", "enable", "disable", "delete", "recover", "purge", "rotate", "administer", "reader", "writer", "operator", .. Enumerable.Repeat("admin", 12)];
    private static readonly string[] Names = ["db", "db-1", "DB", "app/key", "app/db", "a"];
    private static readonly string[] Patterns = ["*", "*", "*", "*", "db", "db*", "*db", "app/*", "?", "d?", "*/*", "a*b", "**"];
    private static readonly string[] Networks = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0", "::/0", "2001:db8::/33", "::ffff:10.0.0.0/104"];
    private static readonly string?[] Addresses = [null, "10.1.2.3", "10.9.9.9", "9.9.9.9", "::ffff:10.1.2.3", "2001:db8::1", "2001:db8:8000::1", "::1"];
    private static readonly string[] LabelTexts = ["AWSCURRENT", "AWSPENDING", "blue"];

    private static Gen<T> Pick<T>(params T[] among) => Gen.Int[0, among.Length - 1].Select(i => among[i]);

    private static Gen<T?> Maybe<T>(Gen<T> gen) where T : class => Gen.Select(gen, Gen.Int[0, 3], (value, keep) => keep == 0 ? value : null);

    private static Gen<ImmutableSortedDictionary<string, string>> Tags(int most) =>
        Pick("env=prod", "env=dev", "team=a", "ENV=prod").Array[0, most].Select(t => t.Distinct().GroupBy(p => p.Split('=')[0]).ToImmutableSortedDictionary(g => g.Key, g => g.First().Split('=')[1], StringComparer.Ordinal));

    private static readonly Gen<Grant> Grants = Gen.Select(
        Gen.Select(Gen.Bool, Pick(Words).Array[1, 3], Maybe(Pick("shop", "dev")), Pick(Patterns)),
        Gen.Select(Maybe(Pick(LabelTexts)), Maybe(Pick(Networks).Array[1, 2]), Gen.Int[0, 11], Gen.Int[0, 3].SelectMany(i => Tags(i == 0 ? 2 : 0))),
        (a, b) => new Grant
        {
            Allow = a.Item1,
            Actions = ActionNames.Read(a.Item2),
            Vault = a.Item3 is null ? null : VaultName.Parse(a.Item3),
            Names = a.Item4,
            Label = b.Item1 is null ? null : VersionLabel.Parse(b.Item1),
            Cidrs = [.. (b.Item2 ?? []).Select(Grant.ParseNetwork)],
            From = b.Item3 is 0 or 2 ? AccessWorld.Now + 1 - b.Item3 : null,
            Until = b.Item3 is 1 or 2 ? AccessWorld.Now + b.Item3 - 1 : null,
            Tags = b.Item4,
        });

    private static readonly Gen<AccessRequest> Requests = Gen.Select(
        Gen.Select(Pick(Enum.GetValues<Operation>()), Pick<string?>("shop", "shop", "shop", "dev", "none", null), Pick(Names).Select(n => (string?)n), Gen.Int[0, 3]),
        Gen.Select(Pick(Addresses), Tags(3), Pick<VersionSelector?>(null, VersionSelector.Current, new VersionSelector.ByNumber(1), new VersionSelector.ByLabel(VersionLabel.Parse("blue"))), Pick(LabelTexts).Array[0, 2]),
        (a, b) => new AccessRequest
        {
            Operation = a.Item1,
            Now = AccessWorld.Now,
            VaultName = a.Item2 is null ? null : VaultName.Parse(a.Item2),
            Name = a.Item2 is null || a.Item4 == 0 ? null : SecretName.Parse(a.Item3!),
            Head = a.Item2 is null || a.Item4 <= 1 ? null : AccessWorld.Head(a.Item3!) with { Tags = b.Item2 },
            Version = b.Item3,
            Labels = [.. b.Item4.Distinct().Select(VersionLabel.Parse)],
            Caller = new AccessWorld().Caller(address: b.Item1 is null ? null : IPAddress.Parse(b.Item1)),
        });

    [Fact]
    public void The_language_and_the_plain_reading_of_the_grants_agree()
    {
        GrantLanguage language = new();
        int[] seen = new int[3];
        Gen.Select(Grants.Array[0, 5], Requests).Sample(
            (grants, request) =>
            {
                if (language.Express(null!, request).IsEmpty)
                {
                    return;
                }

                ParsedPolicy[] parsed = [.. grants.Select(g => language.Parse(AccessWorld.Document("coffer", g.ToSource(), Attachment.Server)))];
                Verdict verdict = language.Judge(parsed, request, language.Express(null!, request)[0]).Verdict;
                Assert.Equal(Plainly(grants, request), verdict);
                Interlocked.Increment(ref seen[(int)verdict]);
            },
            iter: 8_000);
        // The agreement is worth something only if each answer came up often.
        Assert.All(seen, count => Assert.True(count > 400, $"verdicts seen: {string.Join(", ", seen)}"));
    }

    private static Verdict Plainly(IReadOnlyList<Grant> grants, AccessRequest request)
    {
        HashSet<string> needed = [.. OperationTests.Table.Single(t => t.Operation == request.Operation).Words.Split(' ')];
        HashSet<string> allowed = [];
        bool denied = false;
        foreach (Grant grant in grants)
        {
            HashSet<string> words = [.. ActionNames.Write(grant.Actions).SelectMany(w => OperationTests.Roles.FirstOrDefault(r => r.Role == w).Words?.Split(' ') ?? [w])];
            if (!Applies(grant, request))
            {
                continue;
            }

            if (grant.Allow)
            {
                allowed.UnionWith(words);
            }
            else
            {
                denied |= words.Overlaps(needed);
            }
        }

        return denied ? Verdict.Deny : needed.IsSubsetOf(allowed) ? Verdict.Allow : Verdict.Silent;
    }

    private static bool Applies(Grant grant, AccessRequest request)
    {
        bool vault = grant.Vault is not { } named || (request.VaultName is { } asked && asked.Value == named.Value);
        bool time = (grant.From ?? long.MinValue) <= request.Now && request.Now < (grant.Until ?? long.MaxValue);
        bool place = grant.Cidrs.IsEmpty || (request.Caller.Address is { } address && grant.Cidrs.Any(n => Plain(address, n.BaseAddress)?.StartsWith(Bits(n.BaseAddress)[..n.PrefixLength], StringComparison.Ordinal) == true));
        if (request.Name is not { } name)
        {
            return vault && time && place && grant.Names == "*" && grant.Label is null && grant.Tags.IsEmpty;
        }

        bool names = Regex.IsMatch(name.Value, "\\A" + Regex.Escape(grant.Names).Replace("\\*", "[\\s\\S]*", StringComparison.Ordinal).Replace("\\?", "[\\s\\S]", StringComparison.Ordinal) + "\\z", RegexOptions.CultureInvariant);
        bool tags = grant.Tags.All(t => request.Head is { } head && head.Tags.Contains(t));
        HashSet<string> labels = [.. request.Labels.Select(l => l.Value)];
        if (request.Version == VersionSelector.Current)
        {
            labels.Add("AWSCURRENT");
        }

        if (request.Version is VersionSelector.ByLabel by)
        {
            labels.Add(by.Label.Value);
        }

        return vault && time && place && names && tags && (grant.Label is not { } label || labels.Contains(label.Value));
    }

    /// <summary>The address as bits, in the family of the network; null where it has none there.</summary>
    private static string? Plain(IPAddress address, IPAddress network)
    {
        IPAddress plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return plain.AddressFamily == network.AddressFamily ? Bits(plain) : null;
    }

    private static string Bits(IPAddress address) => string.Concat(address.GetAddressBytes().Select(b => b.ToString("b8", System.Globalization.CultureInfo.InvariantCulture)));
}
