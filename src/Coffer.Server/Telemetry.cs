using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Coffer.Server;

/// <summary>Metrics and traces by OpenTelemetry, off by default. Tags name dialects, operations and outcomes, never secrets.</summary>
internal static class Telemetry
{
    public static void Add(IServiceCollection services) => services.AddOpenTelemetry()
        .WithMetrics(metrics => metrics.AddMeter("Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime").AddOtlpExporter())
        .WithTracing(traces => traces
            .AddAspNetCoreInstrumentation(options =>
            {
                // Paths of Coffer's own API hold names of secrets; the wire and the outcome are enough.
                options.EnrichWithHttpRequest = (activity, _) =>
                {
                    activity.SetTag("url.path", null);
                    activity.SetTag("url.query", null);
                };
            })
            .AddOtlpExporter());
}
