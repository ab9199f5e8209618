using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Intercepting;

/// <summary>What a listed name of a wire that the server does not speak answers: an error in that vendor's own shape.</summary>
internal static class VendorRefusal
{
    private const string Text = "this Coffer does not speak this service yet; the name is answered locally so that nothing reaches the real one";

    public static async Task WriteAsync(HttpContext context, InterceptedName name)
    {
        context.Response.StatusCode = StatusCodes.Status501NotImplemented;
        context.Response.ContentType = name.Wire == "aws" ? "application/x-amz-json-1.1" : "application/json";
        await using Utf8JsonWriter writer = new(context.Response.BodyWriter);
        writer.WriteStartObject();
        switch (name.Wire)
        {
            case "aws":
                writer.WriteString("__type"u8, "UnsupportedOperationException");
                writer.WriteString("message"u8, Text);
                break;
            case "azure":
                writer.WriteStartObject("error"u8);
                writer.WriteString("code"u8, "NotImplemented");
                writer.WriteString("message"u8, Text);
                writer.WriteEndObject();
                break;
            default:
                writer.WriteStartObject("error"u8);
                writer.WriteNumber("code"u8, 501);
                writer.WriteString("message"u8, Text);
                writer.WriteString("status"u8, "UNIMPLEMENTED");
                writer.WriteEndObject();
                break;
        }

        writer.WriteEndObject();
    }
}
