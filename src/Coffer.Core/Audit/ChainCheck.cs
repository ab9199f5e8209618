using System.Globalization;
using System.Text;

namespace Coffer.Core.Audit;

/// <summary>
/// Follows a trail line by line and says what is wrong with it, in constant memory. Used by the verifier for the whole
/// trail and at start-up for its end, so that both find the same.
/// </summary>
internal sealed class ChainCheck(IAuditSigner signer, bool fromBeginning)
{
    private const int MaxProblems = 10_000, Remembered = 4096;

    private readonly List<AuditProblem> _problems = [];
    private readonly List<(long Sequence, string Hash, string What)> _anchors = [];
    private readonly List<Gap> _gaps = [];
    private readonly (long Sequence, UInt128 Hash)[] _recent = new (long, UInt128)[Remembered];
    private readonly byte[] _hash = Encoding.ASCII.GetBytes(TrailHead.NoHash);

    private bool _anchored = fromBeginning;
    private bool _stateKnown = fromBeginning;
    private bool _uncertain;
    private bool _previousFlagged;
    private (string File, long Line) _previous = ("", 0);
    private (AuditProblemKind Kind, string File, long First, long Last) _run;

    /// <summary>Told of every change in a line that counts.</summary>
    public Action<AuditChange>? OnChange { get; init; }

    public IReadOnlyList<AuditProblem> Problems => _problems;

    public long ProblemCount { get; private set; }

    /// <summary>Number of the last line.</summary>
    public long Sequence { get; private set; }

    public long Latest { get; private set; }

    public AuditStateHash State { get; private set; }

    public int SinceCheckpoint { get; private set; }

    public long Records { get; private set; }

    public long Checkpoints { get; private set; }

    public int Breaks { get; private set; }

    /// <summary>Hash of the last line, 64 hex digits.</summary>
    public ReadOnlySpan<byte> Hash => _hash;

    /// <summary>Expects the line of that number to have that hash, and to be there at all.</summary>
    public void Expect(long sequence, string hash, string what)
    {
        if (sequence > 0 && !_anchors.Contains((sequence, hash, what)))
        {
            _anchors.Add((sequence, hash, what));
        }
    }

    public void Line(string file, long line, ReadOnlySpan<byte> bytes)
    {
        if (!LineFrame.TryRead(bytes, out LineFrame frame))
        {
            Report(AuditProblemKind.Changed, file, line, Sequence + 1, "this is no line of an audit trail");
            _uncertain = _previousFlagged = true;
            _stateKnown = false;
        }
        else if (!frame.IsIntact())
        {
            Report(AuditProblemKind.Changed, file, line, frame.Sequence, "the line is not the one that was hashed");
            if (frame.Sequence == Sequence + 1)
            {
                Adopt(frame);
            }
            else
            {
                _uncertain = true;
            }

            _previousFlagged = true;
            _stateKnown = false;
        }
        else
        {
            Intact(file, line, bytes, frame);
        }

        _previous = (file, line);
    }

    /// <summary>Files are missing before the next line; the gap that follows is theirs.</summary>
    public void MissingFile(string name, string detail)
    {
        Report(AuditProblemKind.MissingFile, name, 0, 0, detail);
        _previousFlagged = true;
        _uncertain = true;
        _stateKnown = false;
        _gaps.Add(new(Sequence + 1, long.MaxValue, null));
    }

    public void Report(AuditProblemKind kind, string file, long line, long sequence, string detail, bool accepted = false)
    {
        bool runs = kind is AuditProblemKind.Reordered or AuditProblemKind.Duplicated;
        if (runs && _run.Kind == kind && _run.File == file && _run.Last == line - 1 && _problems.Count > 0)
        {
            _run.Last = line;
            AuditProblem first = _problems[^1];
            int cut = first.Detail.IndexOf("; so are", StringComparison.Ordinal);
            _problems[^1] = first with
            {
                Detail = string.Create(CultureInfo.InvariantCulture, $"{(cut < 0 ? first.Detail : first.Detail[..cut])}; so are the lines to {line}"),
            };
            return;
        }

        _run = runs ? (kind, file, line, line) : default;
        ProblemCount++;
        if (_problems.Count < MaxProblems)
        {
            _problems.Add(new(kind, file, line, sequence, detail) { Accepted = accepted });
        }
    }

    /// <summary>The lines were counted from a later one: puts the problems so far where they are in the file.</summary>
    public void Shift(long lines)
    {
        for (int i = 0; i < _problems.Count; i++)
        {
            _problems[i] = _problems[i] with { Line = _problems[i].Line + lines };
        }
    }

    /// <summary>The trail ends here: what was expected and did not come is cut off.</summary>
    public void End(string file, long line)
    {
        long missing = 0;
        string? by = null;
        foreach ((long sequence, _, string what) in _anchors)
        {
            if (sequence > Sequence && sequence > missing)
            {
                (missing, by) = (sequence, what);
            }
        }

        if (by is not null)
        {
            Report(AuditProblemKind.CutOff, file, line + 1, Sequence + 1, string.Create(
                CultureInfo.InvariantCulture, $"records {Sequence + 1} to {missing} are missing at the end, says {by}"));
        }
    }

    private void Intact(string file, long line, ReadOnlySpan<byte> bytes, LineFrame frame)
    {
        AuditCheckpoint? checkpoint = null;
        bool signed = false;
        if (frame.IsCheckpoint)
        {
            signed = AuditCheckpoint.TryParse(bytes, out checkpoint) && checkpoint.IsSignedBy(signer);
            if (signed && checkpoint!.Cause == AuditCheckpointCause.Break && line == 1 && frame.Sequence > Sequence)
            {
                AcceptBreak(checkpoint);
            }
        }

        long next = Sequence + 1;
        if (!_anchored)
        {
            (_anchored, _previousFlagged) = (true, true);
            next = frame.Sequence;
        }
        else if (_uncertain && frame.Sequence > next)
        {
            // The line that could not be read stands for this one, unless a whole file is missing.
            next = _gaps.Count > 0 && _gaps[^1].To == long.MaxValue ? frame.Sequence : next + 1;
        }

        if (frame.Sequence < next)
        {
            Earlier(file, line, frame);
            return;
        }

        if (_gaps.Count > 0 && _gaps[^1].To == long.MaxValue)
        {
            _gaps[^1] = _gaps[^1] with { To = frame.Sequence - 1 };
        }

        if (frame.Sequence > next)
        {
            Report(AuditProblemKind.Dropped, file, line, next, Numbers(next, frame.Sequence - 1) + " missing before this line");
            _gaps.Add(new(next, frame.Sequence - 1, _problems[^1]));
            _stateKnown = false;
        }
        else if (!_previousFlagged && !frame.Previous.SequenceEqual(_hash))
        {
            Report(AuditProblemKind.Changed, _previous.File, _previous.Line, frame.Sequence - 1, "the line and its hash were made anew: the next line remembers another");
            _stateKnown = false;
        }

        Adopt(frame);
        _previousFlagged = _uncertain = false;
        Remember(frame);
        Anchors(file, line, frame);
        if (frame.IsCheckpoint)
        {
            Check(file, line, frame.Sequence, checkpoint, signed);
        }
        else
        {
            Records++;
            SinceCheckpoint++;
            Apply(bytes, frame);
        }
    }

    private void Check(string file, long line, long sequence, AuditCheckpoint? checkpoint, bool signed)
    {
        SinceCheckpoint = 0;
        if (checkpoint is null)
        {
            Report(AuditProblemKind.BadCheckpoint, file, line, sequence, "the checkpoint cannot be read");
        }
        else if (!signed)
        {
            Report(AuditProblemKind.BadSignature, file, line, sequence, "the signature is not right: this checkpoint, or a record before it whose chain was made anew, is not what was signed");
        }
        else
        {
            Checkpoints++;
            if (_stateKnown && checkpoint.State != State)
            {
                Report(AuditProblemKind.BadCheckpoint, file, line, sequence, "the state that was signed is not the state that the records lead to");
            }

            State = checkpoint.State;
            Latest = long.Max(Latest, checkpoint.Latest);
            _stateKnown = true;
        }
    }

    // A number that was passed already: out of a gap it is late, else it stands twice.
    private void Earlier(string file, long line, LineFrame frame)
    {
        for (int i = 0; i < _gaps.Count; i++)
        {
            Gap gap = _gaps[i];
            if (frame.Sequence < gap.From || frame.Sequence > gap.To)
            {
                continue;
            }

            _gaps.RemoveAt(i);
            if (frame.Sequence > gap.From)
            {
                _gaps.Insert(i++, gap with { To = frame.Sequence - 1 });
            }

            if (frame.Sequence < gap.To)
            {
                _gaps.Insert(i, gap with { From = frame.Sequence + 1 });
            }

            // Nothing is left of what was reported as dropped: it is only in another place.
            if (gap.Problem is not null && !_gaps.Exists(g => ReferenceEquals(g.Problem, gap.Problem)) && _problems.Remove(gap.Problem))
            {
                ProblemCount--;
            }

            Report(AuditProblemKind.Reordered, file, line, frame.Sequence, "the record stands behind records that came later");
            Anchors(file, line, frame);
            return;
        }

        (long sequence, UInt128 hash) = _recent[frame.Sequence % Remembered];
        if (sequence == frame.Sequence && hash != Short(frame))
        {
            Report(AuditProblemKind.Changed, file, line, frame.Sequence, "another record has this number already");
        }
        else
        {
            Report(AuditProblemKind.Duplicated, file, line, frame.Sequence, "the record stands in the trail already");
        }
    }

    private void AcceptBreak(AuditCheckpoint checkpoint)
    {
        Breaks++;
        if (checkpoint.Broken is { } broken)
        {
            for (int i = 0; i < _problems.Count; i++)
            {
                AuditProblem problem = _problems[i];
                if (problem.Kind == broken.Kind && problem.File == broken.File && problem.Line == broken.Line)
                {
                    _problems[i] = problem with { Accepted = true };
                }
            }
        }

        if (_anchored && checkpoint.Sequence > Sequence + 1)
        {
            Report(
                AuditProblemKind.CutOff, _previous.File, _previous.Line + 1, Sequence + 1,
                Numbers(Sequence + 1, checkpoint.Sequence - 1) + " missing at the end, as it was found at the start that followed",
                checkpoint.Broken?.Kind is AuditProblemKind.CutOff or AuditProblemKind.MissingFile);
        }

        Sequence = checkpoint.Sequence - 1;
        _anchored = _previousFlagged = true;
        _uncertain = _stateKnown = false;
    }

    private void Anchors(string file, long line, LineFrame frame)
    {
        foreach ((long sequence, string hash, string what) in _anchors)
        {
            if (sequence == frame.Sequence && !Ascii.Equals(frame.Hash, hash))
            {
                Report(AuditProblemKind.Changed, file, line, sequence, $"the chain up to here was made anew: {what} remembers another hash");
            }
        }
    }

    private void Apply(ReadOnlySpan<byte> bytes, LineFrame frame)
    {
        if (frame.HasChange && AuditLine.ChangeOf(bytes) is { } change)
        {
            State = State.Apply(change);
            OnChange?.Invoke(change);
        }

        Latest = long.Max(Latest, AuditLine.TimeOf(bytes));
    }

    private void Adopt(LineFrame frame)
    {
        Sequence = frame.Sequence;
        frame.Hash.CopyTo(_hash);
    }

    private void Remember(LineFrame frame) => _recent[frame.Sequence % Remembered] = (frame.Sequence, Short(frame));

    private static UInt128 Short(LineFrame frame) => UInt128.Parse(frame.Hash[..32], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static string Numbers(long from, long to) => from == to
        ? string.Create(CultureInfo.InvariantCulture, $"record {from} is")
        : string.Create(CultureInfo.InvariantCulture, $"records {from} to {to} are");

    private sealed record Gap(long From, long To, AuditProblem? Problem);
}
