namespace Coffer.Trusts.Certificates;

/// <summary>Settings of a trust in client certificates.</summary>
internal sealed record CertificateSettings
{
    /// <summary>PEM certificates of the authorities whose certificates are taken.</summary>
    public string? Roots { get; set; }

    /// <summary>PEM certificates between them and the clients', where there are any: none is ever fetched.</summary>
    public string? Intermediates { get; set; }
}
