using System.Globalization;
using Coffer.Benchmarks;

// Where the processor time of one read goes, step by step. The argument: calls per step.
await ReadSteps.RunAsync(args is [var calls] ? int.Parse(calls, CultureInfo.InvariantCulture) : 20_000);
