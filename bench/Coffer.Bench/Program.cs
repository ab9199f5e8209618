using System.Globalization;
using Coffer.Bench;

// What the scripts of this folder need beside the server itself.
switch (args)
{
    case ["bare", var port, var certificate, var key, var bytes]:
        await BareServer.RunAsync(Number(port), certificate, key, Number(bytes));
        return 0;
    case ["fill", var data, var vault, var from, var to]:
        await Filling.RunAsync(data, vault, Number(from), Number(to));
        return 0;
    default:
        Console.Error.WriteLine("coffer-bench bare PORT CERTIFICATE KEY BYTES | fill DATA VAULT FROM TO");
        return 2;
}

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
