namespace Coffer.Protocols.Aws.Policies;

/// <summary>The actions of AWS IAM that this server has: what the usual tools need to set up users, roles, keys and policies.</summary>
internal static class IamOperations
{
    public static IReadOnlyList<string> Names { get; } =
    [
        "AttachRolePolicy", "AttachUserPolicy", "CreateAccessKey", "CreatePolicy", "CreatePolicyVersion", "CreateRole", "CreateUser", "DeleteAccessKey", "DeletePolicy",
        "DeletePolicyVersion", "DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DeleteUser", "DeleteUserPermissionsBoundary", "DeleteUserPolicy",
        "DetachRolePolicy", "DetachUserPolicy", "GetPolicy", "GetPolicyVersion", "GetRole", "GetRolePolicy", "GetUser", "GetUserPolicy", "ListAccessKeys",
        "ListAttachedRolePolicies", "ListAttachedUserPolicies", "ListEntitiesForPolicy", "ListGroupsForUser", "ListInstanceProfilesForRole", "ListPolicies", "ListPolicyTags",
        "ListPolicyVersions", "ListRolePolicies", "ListRoleTags", "ListRoles", "ListUserPolicies", "ListUserTags", "ListUsers", "PutRolePermissionsBoundary", "PutRolePolicy",
        "PutUserPermissionsBoundary", "PutUserPolicy", "SetDefaultPolicyVersion", "TagPolicy", "TagRole", "TagUser", "UntagPolicy", "UntagRole", "UntagUser",
        "UpdateAccessKey", "UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription", "UpdateUser",
    ];
}
