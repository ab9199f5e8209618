using System.Text;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Rotations;
using Coffer.Core.Secrets;

/// <summary>
/// A function that says what it does, and the rotation of one secret by it, to be killed at any moment. On stdout, each line after the fact:
///   ASKED            the rotation was acknowledged (the first process alone asks)
///   S step, D step   a step was begun, and done
///   ROTATED          it is over
/// </summary>
internal sealed class Rotation : IRotationFunctions
{
    private const string Token = "11111111-1111-4111-8111-111111111111";

    public static async Task RunAsync(CofferCore core, SecretPath path, Caller caller)
    {
        if (await FindAsync(core, path, caller) is not { Head.Rotation: not null })
        {
            using SecretValue value = SecretValue.Copy("old"u8);
            await core.Secrets.AddVersionAsync(caller, path, new() { Value = value }, createIfMissing: true, default);
            await core.Secrets.RotateAsync(caller, path, new() { Token = RequestToken.Parse(Token), Function = "turn", Rules = new() { Days = 7 } }, default);
            Tell("ASKED");
        }

        while (RotationSettings.Of((await FindAsync(core, path, caller))!.Head)!.Last is null)
        {
            await core.RotateDueAsync(default);
        }

        Tell("ROTATED");
    }

    public bool MayInvoke(string function, VaultName vault) => true;

    public async ValueTask<RotationOutcome> InvokeAsync(CofferCore core, RotationCall call, CancellationToken cancellationToken)
    {
        Tell($"S {call.Step}");
        Identity identity = core.Credentials.ProveLocalUser(12345).Identity!;
        Caller caller = new() { Principal = identity.Principal, Credential = identity.Credential, Dialect = "test", WireOperation = "function", RequestId = "function" };
        SecretPath path = new(call.Vault.Name, call.Head.Name);
        SecretVersion current = (await core.Secrets.DescribeAsync(caller, path, cancellationToken)).Versions.First(v => v.Labels.Contains(VersionLabel.Current)).Version;
        if (call.Step == RotationStep.Create)
        {
            using SecretValue value = SecretValue.Copy(Encoding.ASCII.GetBytes("new"));
            await core.Secrets.AddVersionAsync(caller, path, new() { Value = value, Token = call.Token, Labels = [VersionLabel.Pending] }, createIfMissing: false, cancellationToken);
        }
        else if (call.Step == RotationStep.Finish && current.Token != call.Token)
        {
            await core.Secrets.MoveLabelAsync(caller, path, VersionLabel.Current, new VersionSelector.ByNumber(current.Number), new VersionSelector.ByToken(call.Token), cancellationToken);
        }

        Tell($"D {call.Step}");
        return new(true, "done");
    }

    private static async Task<SecretDescription?> FindAsync(CofferCore core, SecretPath path, Caller caller)
    {
        try
        {
            return await core.Secrets.DescribeAsync(caller, path, default);
        }
        catch (Coffer.Core.Errors.CofferException missing) when (missing.Code == Coffer.Core.Errors.CofferErrorCode.NotFound)
        {
            return null;
        }
    }

    private static void Tell(string line)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
    }
}
