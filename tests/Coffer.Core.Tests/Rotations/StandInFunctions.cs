using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Rotations;
using Coffer.Core.Secrets;

namespace Coffer.Core.Tests.Rotations;

/// <summary>One function, <c>turn</c>, for the vault <c>shop-dev</c>: does what such functions do, as the principal <c>rotator</c>, and fails where it is told to.</summary>
internal sealed class StandInFunctions : IRotationFunctions
{
    public List<string> Calls { get; } = [];

    /// <summary>What happens at a step before it is done; false = the function fails.</summary>
    public Func<RotationCall, bool> At { get; set; } = _ => true;

    /// <summary>Never ends until it is cancelled.</summary>
    public bool Hangs { get; set; }

    public TaskCompletionSource Called { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool MayInvoke(string function, VaultName vault) => function == "turn" && vault.Value == "shop-dev";

    public async ValueTask<RotationOutcome> InvokeAsync(CofferCore core, RotationCall call, CancellationToken cancellationToken)
    {
        Calls.Add(call.Step.ToString());
        Called.TrySetResult();
        if (Hangs)
        {
            await new TaskCompletionSource().Task.WaitAsync(cancellationToken);
        }

        if (!At(call))
        {
            return new(false, "exit status 1");
        }

        Caller caller = new()
        {
            Principal = core.Access.PrincipalsByName[PrincipalName.Parse("rotator")],
            Credential = "test",
            Dialect = "test",
            WireOperation = "function",
            RequestId = "function",
        };
        SecretPath path = new(call.Vault.Name, call.Head.Name);
        if (call.Step == RotationStep.Create)
        {
            // A repeat brings what is there already, as the usual functions see to.
            using SecretValue value = SecretValue.Copy(Encoding.ASCII.GetBytes("new-" + call.Token.Value));
            await core.Secrets.AddVersionAsync(caller, path, new() { Value = value, Token = call.Token, Labels = [VersionLabel.Pending] }, createIfMissing: false, cancellationToken);
        }
        else if (call.Step == RotationStep.Finish)
        {
            SecretDescription seen = await core.Secrets.DescribeAsync(caller, path, cancellationToken);
            if (seen.Versions.First(v => v.Labels.Contains(VersionLabel.Current)).Version is { } current && current.Token != call.Token)
            {
                await core.Secrets.MoveLabelAsync(caller, path, VersionLabel.Current, new VersionSelector.ByNumber(current.Number), new VersionSelector.ByToken(call.Token), cancellationToken);
            }
        }

        return new(true, "done");
    }
}
