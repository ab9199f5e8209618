using Coffer.Core.Errors;
using Coffer.Core.Rotations;

namespace Coffer.Protocols.Aws;

/// <summary>Texts about rotation, word for word as AWS has them.</summary>
internal static partial class AwsErrors
{
    private static AwsError Precondition(CofferError error) => error.Parameter switch
    {
        RotationTransitions.NoFunction => AwsError.InvalidRequest("No Lambda rotation function ARN is associated with this secret."),
        RotationTransitions.UnknownFunction => new(
            400,
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com."),
        RotationTransitions.Pending => AwsError.InvalidRequest("A previous rotation isn't complete. That rotation will be reattempted."),
        _ => AwsError.InvalidRequest(Sentence(error.Message)),
    };

    /// <summary>The model of RotateSecret declares no ResourceExistsException.</summary>
    private static AwsError TokenInUse(string message, AwsOperation? operation) =>
        operation == AwsOperation.RotateSecret ? AwsError.InvalidRequest(message) : AwsError.Exists(message);
}
