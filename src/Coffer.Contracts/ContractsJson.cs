using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coffer.Contracts;

/// <summary>
/// The JSON of Coffer's own API: camelCase, what is null is left out. <c>Default</c> reads answers and passes over members
/// that a newer server may have added; <see cref="Strict"/> reads requests and refuses them.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    Converters = [typeof(UtcTimeConverter)])]
[JsonSerializable(typeof(Assumer))]
[JsonSerializable(typeof(AssumerList))]
[JsonSerializable(typeof(AuditEvent))]
[JsonSerializable(typeof(AuditIndexState))]
[JsonSerializable(typeof(AuditVerification))]
[JsonSerializable(typeof(BrowserLoginInfo))]
[JsonSerializable(typeof(BrowserLoginProof))]
[JsonSerializable(typeof(CodeProof))]
[JsonSerializable(typeof(CertificateLogin))]
[JsonSerializable(typeof(CredentialInfo))]
[JsonSerializable(typeof(CredentialList))]
[JsonSerializable(typeof(AccessQuery))]
[JsonSerializable(typeof(ApprovalDecision))]
[JsonSerializable(typeof(ApprovalInfo))]
[JsonSerializable(typeof(ApprovalList))]
[JsonSerializable(typeof(Explanation))]
[JsonSerializable(typeof(NewApprovalRequest))]
[JsonSerializable(typeof(NewProject))]
[JsonSerializable(typeof(ProjectInfo))]
[JsonSerializable(typeof(ProjectList))]
[JsonSerializable(typeof(Promotion))]
[JsonSerializable(typeof(PromotionResult))]
[JsonSerializable(typeof(Review))]
[JsonSerializable(typeof(WhoCanList))]
[JsonSerializable(typeof(CredentialRotation))]
[JsonSerializable(typeof(CredentialUpdate))]
[JsonSerializable(typeof(GrantInfo))]
[JsonSerializable(typeof(GrantList))]
[JsonSerializable(typeof(GroupChange))]
[JsonSerializable(typeof(GroupInfo))]
[JsonSerializable(typeof(GroupList))]
[JsonSerializable(typeof(Health))]
[JsonSerializable(typeof(InvitationAcceptance))]
[JsonSerializable(typeof(InvitedPerson))]
[JsonSerializable(typeof(IssuedBearerToken))]
[JsonSerializable(typeof(IssuedInvitation))]
[JsonSerializable(typeof(IssuedSecret))]
[JsonSerializable(typeof(KeyRotation))]
[JsonSerializable(typeof(LabelMove))]
[JsonSerializable(typeof(LoginProviderList))]
[JsonSerializable(typeof(LoginResult))]
[JsonSerializable(typeof(NewBearerToken))]
[JsonSerializable(typeof(NewBrowserLogin))]
[JsonSerializable(typeof(NewCredential))]
[JsonSerializable(typeof(NewGrant))]
[JsonSerializable(typeof(NewGroup))]
[JsonSerializable(typeof(NewInvitation))]
[JsonSerializable(typeof(NewLocalTrust))]
[JsonSerializable(typeof(NewOneTimeCodes))]
[JsonSerializable(typeof(NewPrincipal))]
[JsonSerializable(typeof(NewSecret))]
[JsonSerializable(typeof(NewSession))]
[JsonSerializable(typeof(NewTrust))]
[JsonSerializable(typeof(NewValue))]
[JsonSerializable(typeof(NewVault))]
[JsonSerializable(typeof(PasswordChange))]
[JsonSerializable(typeof(PasswordProof))]
[JsonSerializable(typeof(PasswordLogin))]
[JsonSerializable(typeof(PrincipalChange))]
[JsonSerializable(typeof(PrincipalInfo))]
[JsonSerializable(typeof(PrincipalList))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(RecoveryCodeList))]
[JsonSerializable(typeof(RekeyRequest))]
[JsonSerializable(typeof(RekeyResult))]
[JsonSerializable(typeof(ResolveError))]
[JsonSerializable(typeof(ResolveRequest))]
[JsonSerializable(typeof(ResolveResult))]
[JsonSerializable(typeof(Rollback))]
[JsonSerializable(typeof(RotatedCredential))]
[JsonSerializable(typeof(SealProof))]
[JsonSerializable(typeof(SecretChange))]
[JsonSerializable(typeof(SecretContent))]
[JsonSerializable(typeof(SecretInfo))]
[JsonSerializable(typeof(SecretList))]
[JsonSerializable(typeof(SecretReaders))]
[JsonSerializable(typeof(SessionCredentials))]
[JsonSerializable(typeof(SessionList))]
[JsonSerializable(typeof(SignedRequest))]
[JsonSerializable(typeof(SystemStatus))]
[JsonSerializable(typeof(TrustInfo))]
[JsonSerializable(typeof(TrustLink))]
[JsonSerializable(typeof(TrustList))]
[JsonSerializable(typeof(TrustLogin))]
[JsonSerializable(typeof(TrustSession))]
[JsonSerializable(typeof(UnsealRequest))]
[JsonSerializable(typeof(VaultChange))]
[JsonSerializable(typeof(VaultInfo))]
[JsonSerializable(typeof(VaultList))]
[JsonSerializable(typeof(VersionList))]
[JsonSerializable(typeof(VersionNumbers))]
[JsonSerializable(typeof(WhoAmI))]
[JsonSerializable(typeof(WriteResult))]
public sealed partial class ContractsJson : JsonSerializerContext
{
    /// <summary>For requests: an unknown or repeated member is an error.</summary>
    public static ContractsJson Strict => StrictContext.Instance;

    // A class of its own, since the order in which the parts of this one are initialised is not fixed.
    private static class StrictContext
    {
        public static readonly ContractsJson Instance = new(new JsonSerializerOptions(Default.Options!)
        {
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            MaxDepth = 16,
        });
    }
}
