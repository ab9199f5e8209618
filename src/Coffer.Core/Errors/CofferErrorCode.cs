namespace Coffer.Core.Errors;

/// <summary>
/// Every way in which a request can fail. Closed: each dialect maps every member once, in an exhaustive switch, so a
/// new member does not compile until every wire has its answer.
/// </summary>
public enum CofferErrorCode
{
    /// <summary>The request is malformed or a value is out of range.</summary>
    InvalidRequest = 1,

    /// <summary>A name is not one that the core or the wire can express.</summary>
    InvalidName = 2,

    /// <summary>Two members of the request exclude one another, or one that is needed is missing.</summary>
    InvalidCombination = 3,

    /// <summary>The proof of identity is missing, malformed or wrong.</summary>
    Unauthenticated = 4,

    /// <summary>The proof of identity was right but is past its end.</summary>
    CredentialExpired = 5,

    /// <summary>No policy allows the operation, or one denies it.</summary>
    AccessDenied = 6,

    /// <summary>There is no such vault, secret, principal or other object.</summary>
    NotFound = 7,

    /// <summary>The secret exists, the version asked for does not (or has no value yet).</summary>
    VersionNotFound = 8,

    /// <summary>The label asked for is on no version that has a value.</summary>
    LabelNotFound = 9,

    /// <summary>The name is taken.</summary>
    AlreadyExists = 10,

    /// <summary>The request token names a version that holds another value.</summary>
    TokenInUse = 11,

    /// <summary>An optimistic check failed: the object changed since the caller read it.</summary>
    VersionConflict = 12,

    /// <summary>The label sits on another version than the caller said.</summary>
    LabelConflict = 13,

    /// <summary>The secret is scheduled for deletion and can be recovered.</summary>
    Deleted = 14,

    /// <summary>The version is disabled.</summary>
    Disabled = 15,

    /// <summary>The value of the version was erased.</summary>
    Destroyed = 16,

    /// <summary>The state of the object does not permit the operation.</summary>
    PreconditionFailed = 17,

    /// <summary>A value or body is larger than permitted.</summary>
    TooLarge = 18,

    /// <summary>A quota is used up (versions, labels, tags).</summary>
    QuotaExceeded = 19,

    /// <summary>Too many requests.</summary>
    Throttled = 20,

    /// <summary>The continuation token of a listing is not one of ours, or belongs to another listing.</summary>
    InvalidPageToken = 21,

    /// <summary>The server is sealed.</summary>
    Sealed = 22,

    /// <summary>The store or the audit trail cannot be reached or written.</summary>
    Unavailable = 23,

    /// <summary>The operation does not exist on this wire.</summary>
    Unsupported = 24,

    /// <summary>A stored row or value failed its integrity check.</summary>
    Integrity = 25,

    /// <summary>Anything unforeseen; the log has it under the request id.</summary>
    Internal = 26,
}
