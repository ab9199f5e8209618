using System.Collections.Immutable;
using System.Reflection;
using Coffer.Contracts;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

/// <summary>
/// The operations of Coffer's own API, one table: each row routes and documents. The families are in the files beside.
/// </summary>
internal sealed partial class NativeEndpoints
{
    /// <summary>Version of the server, as in answers and in the OpenAPI document.</summary>
    public static string Version { get; } = typeof(NativeEndpoints).Assembly.GetName().Version!.ToString(3);

    private readonly CofferCore _core;
    private readonly ISystemControl _system;
    private readonly RateGate _rates;
    private readonly UnsealGate _unsealing;

    public NativeEndpoints(DialectOptions options, ISystemControl system)
    {
        _core = options.Core;
        _system = system;
        _rates = options.Rates;
        _unsealing = new(options.Core.Clock);
        Routes = [.. SecretRoutes(), .. HealthRoutes(), .. VaultRoutes(), .. AccessRoutes(), .. CredentialRoutes(), .. LoginRoutes(), .. PeopleRoutes(), .. TokenRoutes(), .. TrustRoutes(), .. SystemRoutes(), .. AuditRoutes(), .. GovernanceRoutes(), .. AnswerRoutes()];
    }

    /// <summary>The table, the busiest rows first.</summary>
    public ImmutableArray<NativeRoute> Routes { get; }

    private long Now => _core.Clock.Now();

    /// <summary>Whether the caller must be proven before the route runs.</summary>
    public bool NeedsProof(NativeRoute route) => route.Access switch
    {
        NativeAccess.Proven => true,
        NativeAccess.ProvenUnlessSealed => _core.IsRunning,
        NativeAccess.Anyone or NativeAccess.Unsealer => false,
    };

    private IEnumerable<NativeRoute> HealthRoutes()
    {
        yield return Ask(HttpMethods.Get, "/coffer/health", "getHealth", "How the server is: 200 when it serves, else 503.", ContractsJson.Default.Health, Health(h => h.Ready)) with { Access = NativeAccess.Anyone, Statuses = [200, 503] };
        yield return Ask(HttpMethods.Get, "/coffer/health/live", "getLiveness", "200 as long as the process answers.", ContractsJson.Default.Health, Health(h => h.Live)) with { Access = NativeAccess.Anyone };
        yield return Ask(HttpMethods.Get, "/coffer/health/ready", "getReadiness", "200 when requests are served, else 503.", ContractsJson.Default.Health, Health(h => h.Ready)) with { Access = NativeAccess.Anyone, Statuses = [200, 503] };
        yield return new NativeRoute
        {
            Method = HttpMethods.Get,
            Template = "/coffer/openapi.json",
            Id = "getOpenApi",
            Summary = "This API as an OpenAPI 3.1 document.",
            Access = NativeAccess.Anyone,
            Handler = OpenApiAsync,
        };
        yield return Ask(HttpMethods.Get, "/coffer/v1/whoami", "whoAmI", "Who the caller is.", ContractsJson.Default.WhoAmI, WhoAmIAsync);
    }

    private Func<NativeCall, ValueTask<Health>> Health(Func<Health, bool> well) => call =>
    {
        bool running = _core.IsRunning, ready = running && IsTrailHealthy();
        Health health = new() { Status = ready ? "ready" : running ? "unavailable" : "sealed", Live = true, Ready = ready, Sealed = !running, Version = Version };
        call.Status = well(health) ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return ValueTask.FromResult(health);
    };

    private bool IsTrailHealthy()
    {
        try
        {
            return _core.Trail.Healthy;
        }
        catch (CofferException)
        {
            // Sealed between the two questions.
            return false;
        }
    }

    private async ValueTask<WhoAmI> WhoAmIAsync(NativeCall call)
    {
        Principal principal = await _core.Admin.WhoAmIAsync(call.Caller, call.Aborted).ConfigureAwait(false);
        return new()
        {
            Principal = principal.Name.Value,
            Id = principal.Id,
            Kind = NativeWire.Text(principal.Kind),
            Credential = call.Caller.Credential,
            Home = call.Caller.HomeOf()?.Value,
            Expires = NativeWire.Time(call.Identity!.Expires),
        };
    }

    private static async Task OpenApiAsync(NativeCall call)
    {
        call.CheckQuery();
        await using Stream document = Assembly.GetExecutingAssembly().GetManifestResourceStream("openapi.json")!;
        call.Context.Response.ContentType = "application/json";
        call.Context.Response.ContentLength = document.Length;
        if (!HttpMethods.IsHead(call.Context.Request.Method))
        {
            await document.CopyToAsync(call.Context.Response.Body, call.Aborted).ConfigureAwait(false);
        }
    }
}
