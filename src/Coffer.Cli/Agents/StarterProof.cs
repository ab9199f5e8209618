using Coffer.Client;
using Coffer.Contracts;
using Coffer.Login;
using Coffer.Login.Sessions;
using Coffer.Workload;

namespace Coffer.Cli.Agents;

/// <summary>What proves who started a program that runs as a workload, for as long as it runs.</summary>
internal static class StarterProof
{
    /// <summary>
    /// A token of the environment stays what it is. A session is read anew for each call, so that the one of a later login counts at once; where it has
    /// ended, or somebody else's is in its place, the call is refused: it would be made as another. Where there is neither, the kernel proves the starter.
    /// </summary>
    public static ServerProof Create(CofferClientOptions server, SecretText? given, SessionFolder sessions)
    {
        if (given is not null)
        {
            return _ => ValueTask.FromResult<SecretText?>(new(given.Utf8));
        }

        string name = StoredSession.ServerOf(server);
        using StoredSession? begun = sessions.Find(name);
        return begun?.Principal is { } person ? _ => ValueTask.FromResult<SecretText?>(Read(sessions, name, person)) : _ => ValueTask.FromResult<SecretText?>(null);
    }

    private static SecretText Read(SessionFolder sessions, string server, string person)
    {
        StoredSession? session;
        try
        {
            session = sessions.Find(server);
        }
        catch (LoginException refused)
        {
            throw new WorkloadException(refused.Message, refused.Hint ?? "coffer login");
        }

        if (session?.Principal == person)
        {
            return session.Token;
        }

        session?.Dispose();
        throw new WorkloadException($"{person}, who started this program, is logged in no more", $"coffer login {person}");
    }
}
