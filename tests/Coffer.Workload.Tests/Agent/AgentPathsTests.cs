using Coffer.Workload.Agent;
using Coffer.Workload.Child;
using Coffer.Workload.Tests.Support;

namespace Coffer.Workload.Tests.Agent;

/// <summary>Whoever may change a name on the way to a file decides what the file is.</summary>
public sealed class AgentPathsTests : IDisposable
{
    private const UnixFileMode All = (UnixFileMode)0x1FF, Own = (UnixFileMode)0x1ED;

    private readonly string _top = $"/dev/shm/coffer-paths-{Guid.NewGuid():N}";
    private readonly string _folder;

    public AgentPathsTests()
    {
        _folder = Path.Combine(_top, "above", "agent");
        Directory.CreateDirectory(_folder, Own);
    }

    private string Above => Path.Combine(_top, "above");

    public void Dispose() => Directory.Delete(_top, recursive: true);

    private static void Refused(string folder, string named)
    {
        Assert.Contains($"others may change what is in {named}", Assert.Throws<WorkloadException>(() => AgentPaths.CheckTokenFile(Path.Combine(folder, "token"))).Message, StringComparison.Ordinal);
        Assert.Contains($"others may change what is in {named}", Assert.Throws<WorkloadException>(() => AgentPaths.MakeWay(Path.Combine(folder, "socket"))).Message, StringComparison.Ordinal);
    }

    private static void Taken(string folder)
    {
        AgentPaths.CheckTokenFile(Path.Combine(folder, "token"));
        AgentPaths.MakeWay(Path.Combine(folder, "socket"));
    }

    [Fact]
    public void A_folder_of_ones_own_below_folders_of_ones_own_or_roots_will_do() => Taken(_folder);

    [Fact]
    public void A_folder_above_that_others_may_write_to_is_refused()
    {
        File.SetUnixFileMode(Above, All);
        Refused(_folder, Above);
    }

    /// <summary>As /tmp and /dev/shm are: others may add names there, and not change ours.</summary>
    [Fact]
    public void A_sticky_bit_will_do_above_and_not_for_the_folder_itself()
    {
        File.SetUnixFileMode(Above, All | UnixFileMode.StickyBit);
        Taken(_folder);
        Refused(Above, Above);
    }

    [Fact]
    public void A_folder_above_that_is_another_users_is_refused()
    {
        FileStatus.Give(Above, OtherUser.Stranger);
        Refused(_folder, Above);
    }

    [Fact]
    public void A_link_on_the_way_must_be_ones_own_and_lead_through_such_folders_too()
    {
        string link = Path.Combine(_top, "link");
        File.CreateSymbolicLink(link, "./above/../above");
        Taken(Path.Combine(link, "agent"));
        File.SetUnixFileMode(Above, All);
        Refused(Path.Combine(link, "agent"), Above);
        File.SetUnixFileMode(Above, Own);
        FileStatus.Give(link, OtherUser.Stranger);
        Refused(Path.Combine(link, "agent"), link);
    }

    [Fact]
    public void A_link_that_leads_to_itself_is_no_folder()
    {
        string link = Path.Combine(_top, "link");
        File.CreateSymbolicLink(link, link);
        Assert.Throws<WorkloadException>(() => AgentPaths.CheckTokenFile(Path.Combine(link, "agent", "token")));
    }
}
