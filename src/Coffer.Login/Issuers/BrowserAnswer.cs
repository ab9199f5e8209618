namespace Coffer.Login.Issuers;

/// <summary>What the browser brought back to the loopback address, judged.</summary>
internal abstract record BrowserAnswer
{
    private BrowserAnswer()
    {
    }

    /// <summary>The code, to be exchanged.</summary>
    public sealed record Code(string Text) : BrowserAnswer;

    /// <summary>The issuer, or the person there, said no: an OAuth error code.</summary>
    public sealed record Declined(string Reason) : BrowserAnswer;

    /// <summary>Not the answer to this login: it is refused, and the true one waited for.</summary>
    public sealed record Foreign : BrowserAnswer;

    /// <summary>The answer to this login, from another issuer: the login ends.</summary>
    public sealed record MixedUp : BrowserAnswer;

    /// <summary>Judges a query. The state is looked at first: without it, nothing that is sent here is about this login.</summary>
    /// <param name="query">The query, without its question mark.</param>
    /// <param name="state">The state of this login.</param>
    /// <param name="issuer">The issuer that was asked.</param>
    /// <param name="namesItself">Whether that issuer says who it is in each answer.</param>
    public static BrowserAnswer Of(string query, string state, string issuer, bool namesItself)
    {
        if (!OAuthText.TryReadQuery(query, out Dictionary<string, string>? values) || !OAuthText.AreSame(values.GetValueOrDefault("state"), state))
        {
            return new Foreign();
        }

        if (values.TryGetValue("iss", out string? from) ? !string.Equals(from, issuer, StringComparison.Ordinal) : namesItself)
        {
            return new MixedUp();
        }

        return values.TryGetValue("error", out string? error) ? new Declined(OAuthText.Code(error))
            : values.TryGetValue("code", out string? code) && code.Length is > 0 and <= 4096 ? new Code(code)
            : new Foreign();
    }
}
