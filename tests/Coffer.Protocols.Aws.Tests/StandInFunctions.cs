using System.Text;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Rotations;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>A function <c>turn</c> of the vault <c>shop-dev</c> that does what rotation functions do, as <c>writer</c>, or fails.</summary>
public sealed class StandInFunctions : IRotationFunctions
{
    public bool Fails { get; set; }

    public List<string> Events { get; } = [];

    public bool MayInvoke(string function, VaultName vault) => function.EndsWith(":function:turn", StringComparison.Ordinal) && vault.Value == "shop-dev";

    public async ValueTask<RotationOutcome> InvokeAsync(CofferCore core, RotationCall call, CancellationToken cancellationToken)
    {
        Events.Add(Encoding.UTF8.GetString(AwsDialect.RotationEvent(call)));
        if (Fails)
        {
            return new(false, "exit status 1");
        }

        Caller caller = new() { Principal = core.Access.PrincipalsByName[PrincipalName.Parse("writer")], Credential = "test", Dialect = "aws", WireOperation = "Test", RequestId = "test" };
        SecretPath path = new(call.Vault.Name, call.Head.Name);
        switch (call.Step)
        {
            case RotationStep.Create:
                using (SecretValue value = SecretValue.Copy("turned"u8))
                {
                    await core.Secrets.AddVersionAsync(caller, path, new() { Value = value, Token = call.Token, Labels = [VersionLabel.Pending] }, createIfMissing: false, cancellationToken);
                }

                break;
            case RotationStep.Finish:
                await core.Secrets.MoveLabelAsync(caller, path, VersionLabel.Current, VersionSelector.Current, new VersionSelector.ByToken(call.Token), cancellationToken);
                break;
            default:
                break;
        }

        return new(true, "done");
    }
}
