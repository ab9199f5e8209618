using System.Text;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Rotations;
using Coffer.Core.Secrets;
using Coffer.Protocols.Aws;

namespace Coffer.Server.Rotations;

/// <summary>The functions of the operator's file, by the names that ARNs say. Account and region of an ARN select nothing.</summary>
internal sealed class RotationFunctions(FunctionSettings settings, TimeProvider clock) : IRotationFunctions, IDisposable
{
    private readonly Dictionary<string, FunctionHook> _hooks = settings.Functions.Where(f => f.Value.Url is not null).ToDictionary(f => f.Key, f => new FunctionHook(f.Value, clock), StringComparer.Ordinal);

    /// <summary>Where programs reach this server, and the PEM file of its certificate authority or null. Set before anything is invoked.</summary>
    public (Uri Address, string? CaFile)? Server { get; set; }

    /// <inheritdoc/>
    public bool MayInvoke(string function, VaultName vault) => Find(function) is { } found && found.Entry.Vaults.Contains(vault.Value, StringComparer.Ordinal);

    /// <inheritdoc/>
    public async ValueTask<RotationOutcome> InvokeAsync(CofferCore core, RotationCall call, CancellationToken cancellationToken)
    {
        if (Find(call.Function) is not { } found || !found.Entry.Vaults.Contains(call.Vault.Name.Value, StringComparer.Ordinal))
        {
            return new(false, "there is no such function");
        }

        byte[] sent = AwsDialect.RotationEvent(call);
        if (_hooks.TryGetValue(found.Key, out FunctionHook? hook))
        {
            return await hook.InvokeAsync(sent, cancellationToken).ConfigureAwait(false);
        }

        try
        {
            return await RunAsync(core, call, found.Name, found.Entry, sent, cancellationToken).ConfigureAwait(false);
        }
        catch (CofferException refused) when (refused.Code is CofferErrorCode.NotFound or CofferErrorCode.PreconditionFailed)
        {
            return new(false, "the function's principal is missing or disabled");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (FunctionHook hook in _hooks.Values)
        {
            hook.Dispose();
        }
    }

    private async ValueTask<RotationOutcome> RunAsync(CofferCore core, RotationCall call, (string Name, string? Qualifier, string Region) name, FunctionEntry entry, byte[] sent, CancellationToken cancellationToken)
    {
        if (Server is not { } server)
        {
            return new(false, "the server has no address yet");
        }

        // A session lasts a quarter of an hour at least, and so as long as any step may.
        using TemporaryAccessKey key = await core.Credentials.IssueToProgramAsync(
            PrincipalName.Parse(entry.Principal!), call.Vault.Name, Math.Max(CredentialService.MinSessionSeconds, entry.Seconds), SessionName(name.Name), cancellationToken).ConfigureAwait(false);
        Dictionary<string, string> environment = new(entry.Environment ?? new Dictionary<string, string>(), StringComparer.Ordinal);
        environment.TryAdd("PATH", "/usr/local/bin:/usr/bin:/bin");
        environment.TryAdd("LANG", "C.UTF-8");
        environment.TryAdd("HOME", "/nonexistent");
        string address = (settings.Endpoint ?? server.Address).GetLeftPart(UriPartial.Path).TrimEnd('/');
        environment["AWS_ACCESS_KEY_ID"] = key.AccessKeyId;
        environment["AWS_SECRET_ACCESS_KEY"] = Encoding.ASCII.GetString(key.SecretAccessKey.Span);
        environment["AWS_SESSION_TOKEN"] = key.SessionToken;
        environment["AWS_REGION"] = environment["AWS_DEFAULT_REGION"] = AwsDialect.RegionOf(call);
        environment["AWS_ENDPOINT_URL"] = environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = environment["SECRETS_MANAGER_ENDPOINT"] = address;
        environment["AWS_LAMBDA_FUNCTION_NAME"] = name.Name;
        // The files of the user who runs the server say nothing here.
        environment["AWS_CONFIG_FILE"] = environment["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null";
        environment["AWS_EC2_METADATA_DISABLED"] = "true";
        if ((settings.Endpoint is null ? settings.CertificateAuthority ?? server.CaFile : settings.CertificateAuthority) is { } authority)
        {
            environment["AWS_CA_BUNDLE"] = environment["NODE_EXTRA_CA_CERTS"] = authority;
        }

        return await FunctionProcess.RunAsync(entry, environment, sent, clock, cancellationToken).ConfigureAwait(false);
    }

    private ((string Name, string? Qualifier, string Region) Name, string Key, FunctionEntry Entry)? Find(string function) =>
        AwsDialect.FunctionOf(function) is not { } name ? null
        : settings.Functions.TryGetValue($"{name.Name}:{name.Qualifier}", out FunctionEntry? aliased) ? (name, $"{name.Name}:{name.Qualifier}", aliased)
        : settings.Functions.TryGetValue(name.Name, out FunctionEntry? plain) ? (name, name.Name, plain)
        : null;

    private static string SessionName(string function) => function.Length <= 64 ? function.PadRight(2, '-') : function[..64];
}
