using System.Text;

namespace Coffer.Cli.Output;

/// <summary>
/// What a command writes to: answers on stdout, everything else on stderr. No colour but where a code must be
/// dark on light; no value ever but through <see cref="WriteValue"/> and <see cref="ShowValue"/>.
/// </summary>
internal sealed class Terminal
{
    private readonly TextReader _input;

    public Terminal(TextWriter output, TextWriter errors, TextReader input, bool outputIsTerminal, bool inputIsTerminal)
    {
        Out = output;
        Errors = errors;
        _input = input;
        OutputIsTerminal = outputIsTerminal;
        InputIsTerminal = inputIsTerminal;
    }

    public TextWriter Out { get; }

    public TextWriter Errors { get; }

    public bool OutputIsTerminal { get; }

    public bool InputIsTerminal { get; }

    /// <summary>Whether remarks go to a terminal.</summary>
    public bool ErrorsAreTerminal { get; } = !Console.IsErrorRedirected;

    /// <summary>Columns of the terminal that remarks go to, or null where they go to none.</summary>
    public int? ErrorsWidth => InputIsTerminal && ErrorsAreTerminal ? Console.WindowWidth : null;

    /// <summary>The process's own streams.</summary>
    public static Terminal OfProcess() => new(Console.Out, Console.Error, Console.In, !Console.IsOutputRedirected, !Console.IsInputRedirected);

    /// <summary>A line of the answer.</summary>
    public void Line(string text) => Out.WriteLine(text);

    /// <summary>A remark that is no part of the answer.</summary>
    public void Remark(string text) => Errors.WriteLine(text);

    /// <summary>Columns as wide as their widest cell, two spaces apart; nothing where there are no rows.</summary>
    public void Table(IReadOnlyList<string> headings, IReadOnlyCollection<IReadOnlyList<string>> rows)
    {
        if (rows.Count == 0)
        {
            return;
        }

        int[] widths = [.. headings.Select((h, i) => Math.Max(h.Length, rows.Max(r => r[i].Length)))];
        void Row(IReadOnlyList<string> cells)
        {
            StringBuilder line = new();
            for (int i = 0; i < cells.Count; i++)
            {
                line.Append(i == cells.Count - 1 ? cells[i] : cells[i].PadRight(widths[i] + 2));
            }

            Out.WriteLine(line.ToString().TrimEnd());
        }

        Row([.. headings.Select(h => h.ToUpperInvariant())]);
        foreach (IReadOnlyList<string> row in rows)
        {
            Row(row);
        }
    }

    /// <summary>The one way in which a value reaches stdout: its bytes, and a line end on a terminal.</summary>
    public void WriteValue(ReadOnlySpan<byte> value)
    {
        Out.Flush();
        using Stream stream = Console.OpenStandardOutput();
        stream.Write(value);
        if (OutputIsTerminal)
        {
            stream.Write("\n"u8);
        }
    }

    /// <summary>A line of the answer that holds a value after a label: with a line end wherever it goes.</summary>
    public void ValueLine(string label, ReadOnlySpan<byte> value)
    {
        Out.Write(label);
        WriteValue(value);
        if (!OutputIsTerminal)
        {
            Out.WriteLine();
        }
    }

    /// <summary>
    /// A value that a person needs before the answer is there: on the terminal where remarks go to one, else a line of the answer. What is kept of
    /// remarks is a log, and a log holds no values.
    /// </summary>
    public void ShowValue(string label, ReadOnlySpan<byte> value)
    {
        if (ErrorsAreTerminal)
        {
            Errors.WriteLine(label + Encoding.UTF8.GetString(value));
        }
        else
        {
            ValueLine(label, value);
        }
    }

    /// <summary>A line typed, or read from stdin where that is no terminal.</summary>
    public string ReadLine(string prompt) => Read(prompt, echo: true);

    /// <summary>A line typed without echo, or read from stdin where that is no terminal.</summary>
    public string ReadHidden(string prompt) => Read(prompt, echo: false);

    private string Read(string prompt, bool echo)
    {
        if (!InputIsTerminal)
        {
            return _input.ReadLine() ?? "";
        }

        StringBuilder typed = new();
        // A signal would be noticed only after the line. This also turns the echo off, and so it comes before anybody is asked to type.
        bool before = Console.TreatControlCAsInput;
        Console.TreatControlCAsInput = true;
        try
        {
            Errors.Write(prompt);
            while (true)
            {
                ConsoleKeyInfo key = Console.ReadKey(intercept: true);
                if (key is { Key: ConsoleKey.C, Modifiers: ConsoleModifiers.Control } || (key is { Key: ConsoleKey.D, Modifiers: ConsoleModifiers.Control } && typed.Length == 0))
                {
                    Errors.WriteLine();
                    throw new OperationCanceledException();
                }

                if (key.Key == ConsoleKey.Enter)
                {
                    Errors.WriteLine();
                    return typed.ToString();
                }

                if (key.Key == ConsoleKey.Backspace)
                {
                    if (typed.Length > 0)
                    {
                        typed.Length--;
                        Errors.Write(echo ? "\b \b" : "");
                    }
                }
                else if (!char.IsControl(key.KeyChar))
                {
                    typed.Append(key.KeyChar);
                    Errors.Write(echo ? key.KeyChar.ToString() : "");
                }
            }
        }
        finally
        {
            typed.Clear();
            Console.TreatControlCAsInput = before;
        }
    }
}
