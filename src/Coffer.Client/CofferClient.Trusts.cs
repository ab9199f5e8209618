using Coffer.Contracts;

namespace Coffer.Client;

public sealed partial class CofferClient
{
    private const string TrustsPath = "/coffer/v1/trusts";

    /// <summary>All trusts.</summary>
    public Task<TrustList> ListTrustsAsync(CancellationToken cancellationToken = default) => CallAsync(HttpMethod.Get, TrustsPath, ContractsJson.Default.TrustList, cancellationToken);

    /// <summary>One trust, with its settings and links.</summary>
    public Task<TrustInfo> GetTrustAsync(string name, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{TrustsPath}/{Part(name)}", ContractsJson.Default.TrustInfo, cancellationToken);

    /// <summary>Trusts another system.</summary>
    public Task<TrustInfo> CreateTrustAsync(NewTrust trust, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, TrustsPath, ContractsJson.Default.TrustInfo, cancellationToken, Body(trust, ContractsJson.Default.NewTrust));

    /// <summary>Lets a Unix user of the server's machine be a principal over the local socket.</summary>
    public Task<TrustInfo> TrustLocalUserAsync(string principal, uint uid, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{TrustsPath}/local", ContractsJson.Default.TrustInfo, cancellationToken, Body(new NewLocalTrust { Principal = principal, Uid = uid }, ContractsJson.Default.NewLocalTrust));

    /// <summary>Removes a trust; sessions got with it end at once.</summary>
    public Task DeleteTrustAsync(string name, CancellationToken cancellationToken = default) => CallAsync(HttpMethod.Delete, $"{TrustsPath}/{Part(name)}", cancellationToken);

    /// <summary>Says which principal a value of the trust's claim means.</summary>
    public Task<TrustLink> LinkTrustAsync(string name, TrustLink link, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{TrustsPath}/{Part(name)}/links", ContractsJson.Default.TrustLink, cancellationToken, Body(link, ContractsJson.Default.TrustLink));

    /// <summary>Ends that a value means a principal.</summary>
    public Task UnlinkTrustAsync(string name, string value, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Delete, $"{TrustsPath}/{Part(name)}/links/{Part(value)}", cancellationToken);

    /// <summary>Logs in by the proof of a trusted system; needs no proof of this API's own. Goes over TLS, to this machine, or not at all. Dispose the answer.</summary>
    public Task<TrustSession> LoginByTrustAsync(TrustLogin login, CancellationToken cancellationToken = default) =>
        OpenAsync("/trust", Body(login, ContractsJson.Default.TrustLogin), ContractsJson.Default.TrustSession, cancellationToken);

    /// <summary>Logs in by the certificate of the connection. Goes over TLS, to this machine, or not at all. Dispose the answer.</summary>
    public Task<TrustSession> LoginByCertificateAsync(CertificateLogin login, CancellationToken cancellationToken = default) =>
        OpenAsync("/certificate", Body(login, ContractsJson.Default.CertificateLogin), ContractsJson.Default.TrustSession, cancellationToken);
}
