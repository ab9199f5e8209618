using System.Text;

namespace Coffer.Sources.DotEnv;

/// <summary>A place in a <c>.env</c> file that is probably not what its writer meant. Holds no name and no value: what looks like a variable may be part of a password.</summary>
/// <param name="File">The file as the caller named it.</param>
/// <param name="Line">Line from 1.</param>
/// <param name="Column">Column from 1, in characters.</param>
public sealed record DotEnvWarning(string File, int Line, int Column);

/// <summary>
/// Turns templates into values. One instance serves one load, so that its limits hold for all files of it together: a chain such as
/// <c>B=$A$A</c>, <c>C=$B$B</c> … ends in an error and not in exponential memory.
/// </summary>
/// <param name="lookup">The value of a variable, or null if it is not set.</param>
public sealed class DotEnvExpansion(Func<string, string?> lookup)
{
    private const string Hint = "an expansion doubles on every use; check for variables that contain each other";
    private readonly List<DotEnvWarning> _warnings = [];
    private int _left = DotEnvLimits.TotalLength;

    /// <summary>Every <c>$NAME</c> that was not set, had no default and so became nothing.</summary>
    public IReadOnlyList<DotEnvWarning> Warnings => _warnings;

    /// <summary>
    /// The value of <paramref name="entry"/>. Throws <see cref="SourceException"/> of kind <see cref="SourceErrorKind.Invalid"/> beyond
    /// <see cref="DotEnvLimits"/>, or when <c>${NAME:?message}</c> finds nothing.
    /// </summary>
    public string Expand(DotEnvDocument document, DotEnvEntry entry)
    {
        if (entry.Template.Literal is { } literal)
        {
            Spend(document, entry.Span.ValueStart, literal.Length, literal.Length);
            return literal;
        }

        StringBuilder value = new();
        Append(value, document, entry.Template);
        return value.ToString();
    }

    private void Append(StringBuilder value, DotEnvDocument document, DotEnvTemplate template)
    {
        foreach (TemplatePart part in template.Parts)
        {
            if (part.Name is null)
            {
                Write(value, document, part.Text, part.Offset);
                continue;
            }

            string? found = lookup(part.Name);
            bool present = found is not null && !(part.EmptyIsUnset && found.Length == 0);
            switch (part.Operator)
            {
                case ExpansionOperator.Alternative:
                    if (present)
                    {
                        Append(value, document, part.Word);
                    }

                    break;
                case ExpansionOperator.Default when !present:
                    Append(value, document, part.Word);
                    break;
                case ExpansionOperator.Required when !present:
                    throw Missing(document, part, found is not null);
                case ExpansionOperator.None when found is null:
                    (int line, int column) = document.Position(part.Offset);
                    _warnings.Add(new(document.File, line, column));
                    break;
                default:
                    Write(value, document, found!, part.Offset);
                    break;
            }
        }
    }

    private void Write(StringBuilder value, DotEnvDocument document, string text, int offset)
    {
        Spend(document, offset, value.Length + (long)text.Length, text.Length);
        value.Append(text);
    }

    private void Spend(DotEnvDocument document, int offset, long valueLength, int added)
    {
        if (valueLength > DotEnvLimits.ValueLength)
        {
            throw document.Fail(offset, "a value of more than 1 MiB", Hint);
        }

        if ((_left -= added) < 0)
        {
            throw document.Fail(offset, "values of more than 16 MiB together", Hint);
        }
    }

    // The message is there to be shown; one that itself expands variables could show a value, so only literal text is.
    private static SourceException Missing(DotEnvDocument document, TemplatePart part, bool empty)
    {
        string state = empty ? "empty" : "not set";
        string problem = part.Word.Literal is { Length: > 0 } message
            ? $"{part.Name} is {state}: {SourceException.Printable(message)}"
            : $"{part.Name} is {state}, and the file requires it";
        return document.Fail(part.Offset, problem, $"set {part.Name} in the environment or earlier in the file");
    }
}
