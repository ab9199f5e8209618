using System.CommandLine;
using System.Text;
using Coffer.Cli.Output;
using Coffer.Core.Secrets;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary>How a value gets in: a prompt without echo, stdin, or a file. From an argument only with a warning.</summary>
internal sealed class ValueInput
{
    private readonly Option<string?> _file = new("--file") { Description = "read the value from a file, byte for byte", HelpName = "FILE" };
    private readonly Option<string?> _value = new("--value") { Description = "the value itself; anyone who lists processes or reads the shell's history sees it", HelpName = "TEXT" };

    public void AddTo(Command command)
    {
        command.Options.Add(_file);
        command.Options.Add(_value);
    }

    /// <summary>The value. One line end at the end of a prompt or of stdin typed by hand is not part of it; files are taken as they are.</summary>
    public SecretValue Read(ParseResult parsed, Terminal terminal, string prompt)
    {
        if (parsed.GetValue(_value) is { } text)
        {
            terminal.Remark("coffer: warning: a value on the command line is visible to other processes and kept in the shell's history");
            return NotEmpty(SecretValue.Copy(Encoding.UTF8.GetBytes(text)));
        }

        if (parsed.GetValue(_file) is { } file)
        {
            using FileStream stream = new(file, FileMode.Open, FileAccess.Read);
            return NotEmpty(ReadAll(stream));
        }

        if (terminal.InputIsTerminal)
        {
            return NotEmpty(SecretValue.Copy(Encoding.UTF8.GetBytes(terminal.ReadHidden(prompt))));
        }

        using Stream input = Console.OpenStandardInput();
        return NotEmpty(ReadAll(input));
    }

    private static SecretValue ReadAll(Stream stream)
    {
        SecretValue value = SecretValue.Rent(SecretLimits.ValueBytes + 1);
        int length = stream.ReadAtLeast(value.Buffer, value.Length, throwOnEndOfStream: false);
        if (length > SecretLimits.ValueBytes)
        {
            value.Dispose();
            throw new CliException(CofferExit.Invalid, $"the value is larger than {SecretLimits.ValueBytes} bytes");
        }

        value.Truncate(length);
        return value;
    }

    private static SecretValue NotEmpty(SecretValue value)
    {
        if (value.Length > 0)
        {
            return value;
        }

        value.Dispose();
        throw new CliException(CofferExit.Invalid, "the value is empty", "type it, pipe it in, or name a file with --file");
    }
}
