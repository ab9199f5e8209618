using System.Text.Json;

namespace Coffer.Core.Audit.Indexing;

/// <summary>
/// The members of a record's line that are indexed, as UTF-8 without escapes, in one buffer that is used again. Takes exactly
/// the lines that <see cref="AuditLine.TryParseRecord"/> takes, at a third of the cost: a whole trail passes through here.
/// </summary>
internal sealed class IndexedRecord
{
    private const int Sequence = 0, Id = 1, TimeAt = 2, Dialect = 3, Operation = 4, ActionAt = 5, PrincipalAt = 6, PrincipalId = 7, CredentialAt = 8, VaultAt = 9, NameAt = 10;
    private const int VersionAt = 11, DecisionAt = 12, ReasonAt = 13, AddressAt = 14, UserAgent = 15, RequestAt = 16, Change = 17, Kind = 20;

    private readonly (int Start, int Length)[] _places = new (int, int)[RequestAt + 1];
    private byte[] _text = new byte[4096];
    private int _written;

    public long Time { get; private set; }

    public AuditDecision Decision { get; private set; }

    public ReadOnlySpan<byte> WireOperation => Text(Operation);

    public ReadOnlySpan<byte> Action => Text(ActionAt);

    public ReadOnlySpan<byte> Principal => Text(PrincipalAt);

    public ReadOnlySpan<byte> Credential => Text(CredentialAt);

    public ReadOnlySpan<byte> Vault => Text(VaultAt);

    public ReadOnlySpan<byte> Name => Text(NameAt);

    public ReadOnlySpan<byte> Version => Text(VersionAt);

    public ReadOnlySpan<byte> Reason => Text(ReasonAt);

    public ReadOnlySpan<byte> Address => Text(AddressAt);

    public ReadOnlySpan<byte> RequestId => Text(RequestAt);

    public bool HasPrincipal => Has(PrincipalAt);

    public bool HasCredential => Has(CredentialAt);

    public bool HasVault => Has(VaultAt);

    public bool HasName => Has(NameAt);

    public bool HasVersion => Has(VersionAt);

    public bool HasAddress => Has(AddressAt);

    /// <summary>Whether the line is a record; then its members are here until the next call.</summary>
    public bool TryRead(ReadOnlySpan<byte> line)
    {
        Array.Fill(_places, (-1, 0));
        (_written, Decision) = (0, 0);
        if (_text.Length < line.Length)
        {
            // Without escapes a text is not longer than with them.
            _text = new byte[line.Length];
        }

        try
        {
            return Read(line);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or OverflowException)
        {
            return false;
        }
    }

    private bool Read(ReadOnlySpan<byte> line)
    {
        Utf8JsonReader json = new(line, new JsonReaderOptions { MaxDepth = 8 });
        int next = 0;
        bool id = false, time = false;
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            int member = AuditLine.Member(ref json, ref next);
            json.Read();
            switch (member)
            {
                case Sequence:
                    json.GetInt64();
                    break;
                case Id:
                    json.GetGuid();
                    id = true;
                    break;
                case TimeAt:
                    Time = json.GetInt64();
                    time = true;
                    break;
                case PrincipalId:
                    json.GetGuid();
                    break;
                case DecisionAt:
                    Decision = AuditLine.Decision(ref json);
                    break;
                case Dialect or Operation or ActionAt or PrincipalAt or CredentialAt or VaultAt or NameAt or VersionAt or ReasonAt or AddressAt or UserAgent or RequestAt:
                    Keep(ref json, member);
                    break;
                case Change:
                    AuditLine.ReadChange(ref json);
                    break;
                case Kind:
                    return false;
                default:
                    json.Skip();
                    break;
            }
        }

        return json.TokenType == JsonTokenType.EndObject && json.BytesConsumed == line.Length && id && time && Decision != 0 &&
            Has(Dialect) && Has(Operation) && Has(ActionAt) && Has(ReasonAt) && Has(RequestAt);
    }

    private void Keep(ref Utf8JsonReader json, int member)
    {
        if (json.TokenType == JsonTokenType.Null)
        {
            _places[member] = (-1, 0);
            return;
        }

        // Refuses bytes that are not UTF-8 and halves of surrogate pairs, as reading them into a string does.
        int length = json.CopyString(_text.AsSpan(_written));
        _places[member] = (_written, length);
        _written += length;
    }

    private bool Has(int member) => _places[member].Start >= 0;

    private ReadOnlySpan<byte> Text(int member) => Has(member) ? _text.AsSpan(_places[member].Start, _places[member].Length) : default;
}
