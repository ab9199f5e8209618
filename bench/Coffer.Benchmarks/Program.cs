using System.Globalization;
using Coffer.Benchmarks;

// What is measured: read (the steps of one read), access (decisions and who-can), existence (a refusal of what is there
// against one of what is not). Then how many calls.
int calls = args is [_, var count] ? int.Parse(count, CultureInfo.InvariantCulture) : 20_000;
switch (args.FirstOrDefault())
{
    case "read":
        await ReadSteps.RunAsync(calls);
        break;
    case "access":
        AccessSteps.Run(calls);
        break;
    case "existence":
        await ExistenceTimes.RunAsync(calls);
        break;
    default:
        await Console.Error.WriteLineAsync("usage: Coffer.Benchmarks read|access|existence [CALLS]");
        return 2;
}

return 0;
