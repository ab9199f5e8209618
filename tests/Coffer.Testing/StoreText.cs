using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Testing;

/// <summary>
/// Rows and whole stores as text that is equal exactly when they are. It walks every public member, so that a member
/// somebody adds later is compared without anybody thinking of it.
/// </summary>
public static class StoreText
{
    private static readonly Type[] Printed = [typeof(Guid), typeof(UInt128), typeof(System.Net.IPNetwork), typeof(decimal)];

    /// <summary>One value or row.</summary>
    /// <param name="value">What to tell.</param>
    /// <param name="rowNumbers">False leaves out the numbers that a store gives by itself.</param>
    public static string Of(object? value, bool rowNumbers = true)
    {
        StringBuilder text = new();
        Write(text, value, rowNumbers);
        return text.ToString();
    }

    /// <summary>Everything a store holds, one row a line, as its ports tell it.</summary>
    /// <param name="store">The store.</param>
    /// <param name="locations">The locations whose secrets are told.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="rowNumbers">False leaves out the numbers that a store gives by itself.</param>
    public static async ValueTask<string> OfAsync(IStore store, IEnumerable<string> locations, CancellationToken cancellationToken, bool rowNumbers = true)
    {
        StringBuilder text = new();
        void Line(string kind, object? value) => text.Append(kind).Append(' ').AppendLine(Of(value, rowNumbers));

        Line("keys", await store.Keys.LoadAsync(cancellationToken));
        foreach (Vault vault in await store.Secrets.VaultsAsync(cancellationToken))
        {
            Line("vault", vault);
            Line("count", await store.Secrets.CountAsync(vault.Id, cancellationToken));
            foreach (string location in locations)
            {
                SecretListQuery query = new() { VaultId = vault.Id, Location = location, Filter = SecretFilter.All, Limit = 1000 };
                foreach (Secret head in await store.Secrets.ListAsync(query, cancellationToken))
                {
                    Line("head", head);
                    Line("labels", await store.Secrets.LabelsAsync(head.Id, cancellationToken));
                    Line("attributes", await store.Secrets.AttributesAsync(head.Id, cancellationToken));
                    Line("annotations", await store.Secrets.AnnotationsAsync(head.Id, cancellationToken));
                    Line("policies", await store.Access.PoliciesAsync(Attachment.To(head.Uid), cancellationToken));
                    foreach (SecretVersion version in await store.Secrets.VersionsAsync(head.Id, 0, false, int.MaxValue, cancellationToken))
                    {
                        Line("version", await store.Secrets.FindVersionAsync(head.Id, version.Number, cancellationToken));
                    }
                }
            }
        }

        Line("access", await store.Access.LoadAsync(cancellationToken));
        Line("credentials", await store.Access.CredentialsAsync(null, "", 1000, cancellationToken));
        Line("pending", await store.Audit.PendingAsync(1000, cancellationToken));
        Line("checkpoint", await store.Audit.CheckpointAsync(cancellationToken));
        return text.ToString();
    }

    /// <summary>The public members of a row, computed ones and those of records' own making left out.</summary>
    public static IEnumerable<PropertyInfo> Members(Type type) => type
        .GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(p => p.GetIndexParameters().Length == 0 && p.CanWrite)
        .OrderBy(p => p.Name, StringComparer.Ordinal);

    private static void Write(StringBuilder text, object? value, bool rowNumbers)
    {
        switch (value)
        {
            case null:
                text.Append('-');
                break;
            case string s:
                text.Append('"').Append(s).Append('"');
                break;
            case byte[] bytes:
                text.Append('x').Append(Convert.ToHexString(bytes));
                break;
            case ReadOnlyMemory<byte> memory:
                text.Append('x').Append(Convert.ToHexString(memory.Span));
                break;
            case IEnumerable rows:
                text.Append('[');
                foreach (object? row in rows)
                {
                    Write(text, row, rowNumbers);
                    text.Append(' ');
                }

                text.Append(']');
                break;
            case IFormattable plain when value.GetType() is var type && (type.IsPrimitive || type.IsEnum || Printed.Contains(type)):
                text.Append(plain.ToString(null, CultureInfo.InvariantCulture));
                break;
            case bool or System.Net.IPNetwork:
                text.Append(value);
                break;
            case PrincipalName or VaultName or SecretName or VersionLabel or RequestToken or VaultNumber or SecretUid or VersionId:
                text.Append(value);
                break;
            default:
                WriteMembers(text, value, rowNumbers);
                break;
        }
    }

    private static void WriteMembers(StringBuilder text, object value, bool rowNumbers)
    {
        Type type = value.GetType();
        text.Append('{');
        if (type.IsValueType && type.IsGenericType && type.FullName!.StartsWith("System.ValueTuple", StringComparison.Ordinal))
        {
            foreach (FieldInfo field in type.GetFields())
            {
                Write(text, field.GetValue(value), rowNumbers);
                text.Append(' ');
            }
        }
        else if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(KeyValuePair<,>))
        {
            Write(text, type.GetProperty("Key")!.GetValue(value), rowNumbers);
            text.Append('=');
            Write(text, type.GetProperty("Value")!.GetValue(value), rowNumbers);
        }
        else
        {
            foreach (PropertyInfo member in Members(type))
            {
                if (rowNumbers || member.Name is not ("Id" or "VaultId") || member.PropertyType != typeof(long))
                {
                    text.Append(member.Name).Append('=');
                    Write(text, member.GetValue(value), rowNumbers);
                    text.Append(' ');
                }
            }
        }

        text.Append('}');
    }
}
