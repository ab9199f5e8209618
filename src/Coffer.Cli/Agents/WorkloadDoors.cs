using Coffer.Launch;
using Coffer.Workload.Doors;

namespace Coffer.Cli.Agents;

/// <summary>
/// The doors of a workload by the name of their wire. A child gets those that have a secret of their own where the vendor has one; a
/// machine's program, which the kernel proves, those that have none. Only wires that the server speaks: what nothing honours is not handed out.
/// </summary>
internal sealed class WorkloadDoors(WorkloadIssuer issuer, WorkloadIdentity identity, IReadOnlySet<string> names, TimeProvider clock)
{
    /// <summary>Every wire that has a door.</summary>
    public static IReadOnlyList<string> All { get; } = ["aws", "azure", "google", "vault"];

    /// <summary>The doors that a list names, separated by commas; all that are spoken where there is no list. Throws <see cref="CliException"/>.</summary>
    public static IReadOnlySet<string> Parse(string? list, IReadOnlySet<string> spoken)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (string name in list is null ? [.. spoken] : list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!All.Contains(name))
            {
                throw new CliException(CofferExit.Usage, "there is no door of that name", $"doors are {string.Join(", ", All)}");
            }

            if (!spoken.Contains(name))
            {
                throw new CliException(CofferExit.Usage, $"the server does not speak {name} yet: what that door gives would open nothing", $"doors that open today: {string.Join(", ", spoken.Order(StringComparer.Ordinal))}");
            }

            names.Add(name);
        }

        return names;
    }

    /// <summary>For a child of <c>coffer run --as</c>.</summary>
    public IReadOnlyList<ICredentialDoor> ForChild()
    {
        List<ICredentialDoor> doors = [];
        if (names.Contains("aws"))
        {
            doors.Add(new AwsContainerDoor(issuer.IssueKeyAsync, clock));
        }

        if (names.Contains("azure"))
        {
            doors.Add(new AzureAppServiceDoor(new(issuer.IssueTokenAsync, identity, null, clock)));
        }

        if (names.Contains("google"))
        {
            doors.Add(new GoogleMetadataDoor(issuer.IssueTokenAsync, identity, clock));
        }

        return doors;
    }

    /// <summary>HashiCorp Vault's way in, where it is among the names.</summary>
    public VaultTokenSink? VaultToken(Renewal renewal) => names.Contains("vault") ? new(issuer.IssueTokenAsync, clock, renewal) : null;

    /// <summary>For a program beside an agent.</summary>
    public IReadOnlyList<ICredentialDoor> ForMachine()
    {
        List<ICredentialDoor> doors = [];
        if (names.Contains("aws"))
        {
            doors.Add(new AwsMetadataDoor(new(issuer.IssueKeyAsync, clock, Renewal.Ahead), identity.Name, clock));
        }

        if (names.Contains("azure"))
        {
            doors.Add(new AzureMetadataDoor(new(issuer.IssueTokenAsync, identity, null, clock, Renewal.Ahead)));
        }

        if (names.Contains("google"))
        {
            doors.Add(new GoogleMetadataDoor(issuer.IssueTokenAsync, identity, clock, Renewal.Ahead));
        }

        return doors;
    }
}
