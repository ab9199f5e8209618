using System.Security.Cryptography.X509Certificates;
using System.Text;
using Coffer.Workload.Child;
using Coffer.Workload.Intercepting;

namespace Coffer.Workload.Tests.Child;

public sealed class CaBundleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-bundle-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Certificate()
    {
        using RunAuthority authority = new(TimeProvider.System);
        return authority.Pem;
    }

    private string File(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    [Theory]
    [InlineData("SSL_CERT_FILE")]
    [InlineData("REQUESTS_CA_BUNDLE")]
    [InlineData("AWS_CA_BUNDLE")]
    [InlineData("CURL_CA_BUNDLE")]
    [InlineData("NODE_EXTRA_CA_CERTS")]
    [InlineData("VAULT_CACERT")]
    public void Inherited_roots_are_in_the_bundle(string variable)
    {
        string pem = Certificate();

        string bundle = CaBundle.Build(new Dictionary<string, string> { [variable] = File("corporate.pem", pem) });

        Assert.Contains(pem.Trim(), bundle, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_of_roots_is_read_too()
    {
        string pem = Certificate();
        File("one.crt", pem);

        Assert.Contains(pem.Trim(), CaBundle.Build(new Dictionary<string, string> { ["REQUESTS_CA_BUNDLE"] = _folder }), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_but_certificates_is_taken_and_each_once()
    {
        string pem = Certificate();
        string text = $"comment\n-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n{pem}{pem.Replace("\n", "\r\n", StringComparison.Ordinal)}"
            + "-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nbGVmdCBvcGVu\n";

        string merged = CaBundle.Merge([text, pem]);

        Assert.Equal(pem, merged);
    }

    [Fact]
    public void A_file_that_is_not_there_is_no_error() =>
        Assert.Equal(CaBundle.Build(new Dictionary<string, string>()), CaBundle.Build(new Dictionary<string, string> { ["SSL_CERT_FILE"] = Path.Combine(_folder, "gone") }));

    [Fact]
    public void What_cannot_be_read_is_left_out_and_the_rest_parsed()
    {
        string pem = Certificate();

        X509Certificate2 read = Assert.Single(CaBundle.Parse($"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{pem}"));

        Assert.Equal(pem.Trim(), read.ExportCertificatePem());
    }

    /// <summary>By the published layout: magic, version, count, then tag, alias, date, type, bytes for each, and a digest.</summary>
    [Fact]
    public void Javas_store_holds_the_same_certificates()
    {
        using X509Certificate2 certificate = X509Certificate2.CreateFromPem(Certificate());
        byte[] store = JavaTrustStore.Write([certificate], DateTimeOffset.UnixEpoch);

        using BinaryReader reader = new(new MemoryStream(store));
        Assert.Equal("FEEDFEED0000000200000001"u8, Encoding.ASCII.GetBytes(Convert.ToHexString(reader.ReadBytes(12))));
        Assert.Equal("00000002", Convert.ToHexString(reader.ReadBytes(4)));
        Assert.Equal("\0\u0006root-0", Encoding.ASCII.GetString(reader.ReadBytes(8)));
        Assert.Equal(0L, reader.ReadInt64());
        Assert.Equal("\0\u0005X.509", Encoding.ASCII.GetString(reader.ReadBytes(7)));
        byte[] length = reader.ReadBytes(4);
        Assert.Equal(certificate.RawData.Length, (length[2] << 8) + length[3]);
        Assert.Equal(certificate.RawData, reader.ReadBytes(certificate.RawData.Length));
        Assert.Equal(20, reader.ReadBytes(100).Length);
    }
}
