using System.Text;

namespace Coffer.Launch.Arguments;

/// <summary>Help of a command, from its table.</summary>
internal static class HelpText
{
    private const int Width = 100;

    public static string Of(LaunchCommand command)
    {
        StringBuilder text = new();
        text.Append(command.Summary).Append("\n\nUsage: coffer ").Append(command.Path);
        text.Append(command.Options.Count > 0 ? " [OPTIONS]" : "").Append(command.Operands.Length > 0 ? " " : "").Append(command.Operands).Append("\n\nOptions:\n");
        foreach (LaunchOption option in command.Options)
        {
            Entry(text, option.Argument is null ? option.Name : $"{option.Name} {option.Argument}", Describe(option));
        }

        Entry(text, "-h, --help", "print this");
        foreach (string note in command.Notes)
        {
            Wrap(text.Append('\n'), note, "");
        }

        return text.ToString();
    }

    /// <summary>The help of several commands with one first word.</summary>
    public static string Of(string summary, IEnumerable<LaunchCommand> commands)
    {
        StringBuilder text = new(summary);
        text.Append("\n\nCommands:\n");
        foreach (LaunchCommand command in commands)
        {
            Entry(text, $"{command.Path} {command.Operands}".TrimEnd(), command.Summary);
        }

        return text.ToString();
    }

    private static string Describe(LaunchOption option) =>
        option.Help + (option.Repeatable ? "; may be repeated" : "") + (option.Default is null ? "" : $" (default: {option.Default})");

    private static void Entry(StringBuilder text, string name, string help)
    {
        const int Column = 24;
        text.Append("  ").Append(name);
        if (name.Length + 2 >= Column)
        {
            text.Append('\n').Append(' ', Column);
        }
        else
        {
            text.Append(' ', Column - name.Length - 2);
        }

        Wrap(text, help, new string(' ', Column));
    }

    private static void Wrap(StringBuilder text, string words, string indent)
    {
        int column = indent.Length;
        bool first = true;
        foreach (string word in words.Split(' '))
        {
            if (!first && column + 1 + word.Length > Width)
            {
                text.Append('\n').Append(indent);
                column = indent.Length;
                first = true;
            }

            text.Append(first ? "" : " ").Append(word);
            column += word.Length + (first ? 0 : 1);
            first = false;
        }

        text.Append('\n');
    }
}
