using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Intercepting;

/// <summary>What a listed name answers where no server can: an error in that vendor's own shape.</summary>
internal static class VendorRefusal
{
    /// <summary>The wire is one that the server does not speak.</summary>
    public static Task WriteAsync(HttpContext context, InterceptedName name) => WriteAsync(context, name.Wire, Unspoken);

    /// <summary>The server is away. Without a name the answer has Coffer's own shape.</summary>
    public static Task WriteAwayAsync(HttpContext context, InterceptedName? name) => WriteAsync(context, name?.Wire, Away);

    private static readonly Answer Unspoken = new(
        StatusCodes.Status501NotImplemented, "UnsupportedOperationException", "NotImplemented", "UNIMPLEMENTED", 12,
        "this Coffer does not speak this service yet; the name is answered locally so that nothing reaches the real one");

    private static readonly Answer Away = new(
        StatusCodes.Status502BadGateway, "InternalServiceError", "BadGateway", "UNAVAILABLE", 14, "the Coffer server does not answer");

    private static async Task WriteAsync(HttpContext context, string? wire, Answer answer)
    {
        if (context.Request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true)
        {
            // gRPC tells its errors in headers alone, under status 200.
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = answer.GrpcStatus.ToString(System.Globalization.CultureInfo.InvariantCulture);
            context.Response.Headers["grpc-message"] = answer.Text;
            return;
        }

        context.Response.StatusCode = answer.Status;
        context.Response.ContentType = wire switch { "aws" => "application/x-amz-json-1.1", null => "application/problem+json", _ => "application/json" };
        await using Utf8JsonWriter writer = new(context.Response.BodyWriter);
        writer.WriteStartObject();
        switch (wire)
        {
            case "aws":
                writer.WriteString("__type"u8, answer.AwsType);
                writer.WriteString("message"u8, answer.Text);
                break;
            case "azure":
                writer.WriteStartObject("error"u8);
                writer.WriteString("code"u8, answer.AzureCode);
                writer.WriteString("message"u8, answer.Text);
                writer.WriteEndObject();
                break;
            case "google":
                writer.WriteStartObject("error"u8);
                writer.WriteNumber("code"u8, answer.Status);
                writer.WriteString("message"u8, answer.Text);
                writer.WriteString("status"u8, answer.GoogleStatus);
                writer.WriteEndObject();
                break;
            default:
                writer.WriteNumber("status"u8, answer.Status);
                writer.WriteString("title"u8, answer.Text);
                break;
        }

        writer.WriteEndObject();
    }

    private sealed record Answer(int Status, string AwsType, string AzureCode, string GoogleStatus, int GrpcStatus, string Text);
}
