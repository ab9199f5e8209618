using Coffer.Sources;
using Coffer.Sources.CofferApi;
using Coffer.Sources.DotEnv;
using Coffer.Sources.References;

namespace Coffer.Launch.Environments;

/// <summary>
/// From an environment and <c>.env</c> files to the variables of a program. Everything is evaluated, all references that turned up are
/// resolved together, and everything is evaluated again with their values, until no new reference turns up. So a value may be built from
/// a secret (<c>postgres://app:${DB_PASSWORD}@db</c>), and what a secret says is only ever text: it is neither expanded nor taken for a
/// reference itself.
/// </summary>
internal sealed class EnvironmentPlan
{
    // Each round follows one more step of env:// and dotenv:// references; who needs more leads in a circle.
    private const int MaxRounds = 16;

    // Stands for a value that is not known yet; not empty, since ${NAME:?…} must not fail on it. The round that sees it is never the last.
    private const string Unknown = "?";

    private readonly EnvironmentBlock _caller;
    private readonly EnvironmentBlock _inherited;
    private readonly LaunchSources _sources;
    private readonly bool _filesWin;
    private readonly Dictionary<CofferReference, string> _secrets = [];
    private readonly HashSet<CofferReference> _wanted = [];
    private readonly Dictionary<string, Scope> _others = new(StringComparer.Ordinal);

    // Whether this round saw no value that a further round could change.
    private bool _settled;

    /// <param name="caller">What <c>env://</c> reads.</param>
    /// <param name="inherited">What the program inherits, and expansions see.</param>
    /// <param name="sources">Where files and secrets come from.</param>
    /// <param name="filesWin">Whether a file's value replaces an inherited one.</param>
    public EnvironmentPlan(EnvironmentBlock caller, EnvironmentBlock inherited, LaunchSources sources, bool filesWin) =>
        (_caller, _inherited, _sources, _filesWin) = (caller, inherited, sources, filesWin);

    /// <summary>Every <c>$NAME</c> that became nothing.</summary>
    public IReadOnlyList<DotEnvWarning> Warnings { get; private set; } = [];

    /// <summary>
    /// The program's environment. Throws <see cref="SourceException"/> or <see cref="LaunchException"/> for a file or reference that does not hold.
    /// </summary>
    public EnvironmentBlock Compute(IReadOnlyList<DotEnvDocument> files)
    {
        Scope main = new(files);
        for (int round = 0; round < MaxRounds; round++)
        {
            _settled = true;
            foreach (Scope other in _others.Values.ToArray())
            {
                Evaluate(other);
            }

            Evaluate(main);
            Dictionary<string, Cell> references = InheritedReferences(main);
            if (_wanted.Count > 0)
            {
                Resolve();
            }
            else if (_settled)
            {
                Warnings = main.Warnings;
                return Merge(main, references);
            }
        }

        throw new SourceException(SourceErrorKind.Invalid, "references lead in a circle", "follow the env:// and dotenv:// references from file to file");
    }

    private EnvironmentBlock Merge(Scope main, Dictionary<string, Cell> references)
    {
        EnvironmentBlock result = new(_inherited.Entries);
        foreach ((string name, Cell cell) in references)
        {
            result.Set(name, cell.Text);
        }

        foreach ((string name, Cell cell) in main.Cells)
        {
            result.Set(name, cell.Text);
        }

        return result;
    }

    // Only the variables that the program will see, so that one which a file replaces asks no server.
    private Dictionary<string, Cell> InheritedReferences(Scope main)
    {
        Dictionary<string, Cell> cells = new(StringComparer.Ordinal);
        foreach (string name in _inherited.Names)
        {
            if (!main.Cells.ContainsKey(name) && ReferenceParser.MayBeReference(_inherited.Bytes(name)))
            {
                cells[name] = FromEnvironment(_inherited, name)!.Value;
            }
        }

        return cells;
    }

    private void Evaluate(Scope scope)
    {
        Dictionary<string, Cell> before = scope.Cells;
        Dictionary<string, Cell> cells = scope.Cells = new(StringComparer.Ordinal);
        bool opaque = false, pending = false;
        DotEnvExpansion expansion = new(name =>
        {
            Cell? found = _filesWin ? Own(name) ?? FromEnvironment(_inherited, name) : FromEnvironment(_inherited, name) ?? Own(name);
            opaque |= found is { Opaque: true };
            pending |= found is { Pending: true };
            return found?.Text;
        });
        foreach (DotEnvDocument document in scope.Documents)
        {
            foreach (DotEnvEntry entry in document.Entries)
            {
                // Of the main scope, a name that the environment decides; another file's own value is what dotenv:// asks for.
                if (scope.IsMain && !_filesWin && _inherited.Has(entry.Key))
                {
                    continue;
                }

                opaque = pending = false;
                string text = expansion.Expand(document, entry);
                cells[entry.Key] = !opaque && Recognize(text, document, entry) is { } reference ? Follow(reference, document.File) : new(text, opaque, pending);
            }
        }

        scope.Warnings = expansion.Warnings;

        // Others may have read this one before it changed; nobody reads the main scope.
        if (!scope.IsMain && !(cells.Count == before.Count && cells.All(pair => before.TryGetValue(pair.Key, out Cell cell) && cell == pair.Value)))
        {
            _settled = false;
        }

        Cell? Own(string name) => cells.TryGetValue(name, out Cell cell) ? cell : null;
    }

    private static SecretReference? Recognize(string text, DotEnvDocument document, DotEnvEntry entry)
    {
        try
        {
            return ReferenceParser.Recognize(text);
        }
        catch (SourceException error)
        {
            throw new SourceException(error.Kind, error.Problem, error.Hint, document.File, entry.Line, 1);
        }
    }

    private Cell? FromEnvironment(EnvironmentBlock block, string name)
    {
        if (block.Text(name) is not { } text)
        {
            return null;
        }

        try
        {
            return ReferenceParser.Recognize(text) is { } reference ? Follow(reference, "") : new(text);
        }
        catch (SourceException error) when (error.File is null && error.Kind == SourceErrorKind.Invalid)
        {
            throw new SourceException(error.Kind, $"the environment variable {SourceException.Printable(name)}: {error.Problem}", error.Hint);
        }
    }

    private Cell Follow(SecretReference reference, string from)
    {
        switch (reference)
        {
            case CofferReference coffer:
                CofferReference addressed = coffer.Vault is null ? coffer with { Vault = _sources.HomeVault ?? throw NoVault(coffer) } : coffer;
                if (_secrets.TryGetValue(addressed, out string? secret))
                {
                    return new(secret, Opaque: true);
                }

                _wanted.Add(addressed);
                return Later();
            case EnvReference env:
                return _caller.Text(env.Name) is not { } text
                    ? throw new SourceException(SourceErrorKind.NotFound, $"{SourceException.Printable(env.ToString())} names a variable that is not set", "set it, or correct the reference")
                    : ReferenceParser.Recognize(text) switch
                    {
                        null => new(text, Opaque: true),
                        EnvReference => throw new SourceException(SourceErrorKind.Invalid, $"{SourceException.Printable(env.ToString())} names a variable that is an env:// reference itself", "name the variable that holds the value"),
                        { } next => Follow(next, "") with { Opaque = true },
                    };
            case DotEnvReference file:
                return FromFile(file, from);
            default:
                throw new InvalidOperationException("a kind of reference without a source");
        }
    }

    private Cell FromFile(DotEnvReference reference, string from)
    {
        string path = Path.Combine(Path.GetDirectoryName(from) ?? "", reference.File);
        if (!_others.TryGetValue(path, out Scope? scope))
        {
            _others.Add(path, scope = new([_sources.Load(path)]) { IsMain = false });
        }

        if (scope.Documents[0].Find(reference.Key) is null)
        {
            throw new SourceException(SourceErrorKind.NotFound, $"{reference.Key} is not in the file", "coffer env list shows what is", path, 0, 0);
        }

        return scope.Cells.TryGetValue(reference.Key, out Cell cell) && !cell.Pending ? cell with { Opaque = true } : Later();
    }

    private Cell Later()
    {
        _settled = false;
        return new(Unknown, Opaque: true, Pending: true);
    }

    private void Resolve()
    {
        CofferReference[] references = [.. _wanted];
        _wanted.Clear();
        IReadOnlyList<ResolvedSecret> results = _sources.Resolve(references);
        SourceException[] errors = [.. results.Where(result => result.Error is not null).Select(result => result.Error!)];
        if (errors.Length > 0)
        {
            throw LaunchException.Of(errors);
        }

        foreach ((CofferReference reference, ResolvedSecret result) in references.Zip(results))
        {
            _secrets[reference] = result.Text!;
        }
    }

    private static SourceException NoVault(CofferReference reference) =>
        new(SourceErrorKind.Invalid, $"{SourceException.Printable(reference.ToString())} names no vault", "say which with --vault or COFFER_VAULT, or write coffer://vault/name");

    /// <summary>A value; whether a reference had a part in it, so that it is never taken for one; and whether that part is still unknown.</summary>
    private readonly record struct Cell(string Text, bool Opaque = false, bool Pending = false)
    {
        public override string ToString() => "***";
    }

    private sealed class Scope(IReadOnlyList<DotEnvDocument> documents)
    {
        public IReadOnlyList<DotEnvDocument> Documents { get; } = documents;

        public bool IsMain { get; init; } = true;

        public Dictionary<string, Cell> Cells { get; set; } = new(StringComparer.Ordinal);

        public IReadOnlyList<DotEnvWarning> Warnings { get; set; } = [];
    }
}
