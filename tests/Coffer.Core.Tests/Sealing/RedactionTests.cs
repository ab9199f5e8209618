using System.Collections;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Sealing;

/// <summary>
/// Goes through every type of the core that holds secret bytes, itself or in a field, and shows that no way of printing it gives
/// them away. A new type is found by itself.
/// </summary>
public sealed class RedactionTests
{
    private const BindingFlags Fields = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    /// <summary>Types of the sealing folder whose byte arrays are no secrets, each with the reason.</summary>
    private static readonly Dictionary<string, string> Harmless = new()
    {
        [nameof(SealParameters)] = "public parameters: salt, digests of shares",
        [nameof(KeyTableDocument)] = "wrapped keys, a public key, a MAC",
        ["BackupHeader"] = "the key table, which is sealed",
        ["BackupKey"] = "a wrapped key",
        [nameof(RowWriter)] = "a row as the store sees it; a ref struct",
        ["Shelf"] = "buffers that are zero",
    };

    private static readonly string Marker = "MARKER-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));

    public static TheoryData<Type> Holders => [.. CoreTypes().Where(t => IsMarked(t) && !t.IsAbstract)];

    public static TheoryData<Type> Carriers => [.. CoreTypes().Where(t => !IsMarked(t) && !t.IsAbstract && t.GetFields(Fields).Any(f => Carries(f.FieldType)))];

    [Theory]
    [MemberData(nameof(Holders), DisableDiscoveryEnumeration = true)]
    public void A_type_that_holds_a_secret_prints_and_serialises_as_three_stars(Type type)
    {
        object instance = Filled(type);

        Assert.Equal("***", instance.ToString());
        Assert.Equal("***", $"{instance}");
        Assert.Equal("a *** z", string.Format(null, "a {0} z", instance));
        Assert.Equal("***", string.Concat(instance));
        Assert.Equal("\"***\"", JsonSerializer.Serialize(instance, type));
        Assert.Equal("{\"inner\":\"***\"}", JsonSerializer.Serialize(new { inner = instance }));
        Assert.Equal("[\"***\"]", JsonSerializer.Serialize(new[] { instance }));
        Assert.ThrowsAny<NotSupportedException>(() => JsonSerializer.Deserialize("\"x\"", type));
    }

    [Theory]
    [MemberData(nameof(Holders), DisableDiscoveryEnumeration = true)]
    public void The_debugger_shows_three_stars(Type type)
    {
        Assert.Equal("***", type.GetCustomAttribute<DebuggerDisplayAttribute>()?.Value);
        foreach (MemberInfo member in type.GetFields(Fields).Where(f => f.FieldType == typeof(byte[]) || Carries(f.FieldType)).Cast<MemberInfo>()
            .Concat(type.GetProperties(Fields).Where(p => p.PropertyType == typeof(byte[]) || p.PropertyType == typeof(Span<byte>) || p.PropertyType == typeof(Memory<byte>))))
        {
            Assert.True(
                IsPublicKey(member) || member.GetCustomAttribute<DebuggerBrowsableAttribute>()?.State == DebuggerBrowsableState.Never,
                $"{type.Name}.{member.Name} is open to the debugger");
        }
    }

    [Theory]
    [MemberData(nameof(Carriers), DisableDiscoveryEnumeration = true)]
    public void A_type_that_carries_a_secret_gives_nothing_away(Type type)
    {
        object instance = Filled(type);

        RefuseMarker(() => instance.ToString());
        RefuseMarker(() => $"{instance}");
        RefuseMarker(() => JsonSerializer.Serialize(instance, type));
        Assert.DoesNotContain("Span", type.GetCustomAttribute<DebuggerDisplayAttribute>()?.Value ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void The_types_that_matter_are_among_them()
    {
        string[] held = [.. Holders.Select(t => t.Data.Name)], carried = [.. Carriers.Select(t => t.Data.Name)];

        Assert.Subset(held.ToHashSet(), new HashSet<string> { nameof(SecretValue), nameof(Keyring), nameof(DataKey), nameof(AuditSigner), nameof(MemorySeal), nameof(PassphraseSeal), nameof(ShamirSeal), nameof(ShamirShare) });
        Assert.NotEmpty(carried);
    }

    [Fact]
    public void A_type_of_the_sealing_folder_with_bytes_is_marked_or_known_to_be_harmless()
    {
        string[] open =
        [
            .. typeof(SecretValue).Assembly.GetTypes()
                .Where(t => t.Namespace == typeof(Keyring).Namespace && !IsGenerated(t) && !IsMarked(t) && !Harmless.ContainsKey(t.Name))
                .Where(t => t.GetFields(Fields).Any(f => f.FieldType == typeof(byte[]) || f.FieldType == typeof(byte[][])))
                .Select(t => t.Name),
        ];
        Assert.Empty(open);
    }

    [Fact]
    public void The_check_itself_sees_a_leak()
    {
        using SecretValue value = SecretValue.Copy(Encoding.UTF8.GetBytes(Marker));
        byte[] leaked = value.Span.ToArray();

        Assert.ThrowsAny<Exception>(() => RefuseMarker(() => Encoding.UTF8.GetString(leaked)));
        Assert.ThrowsAny<Exception>(() => RefuseMarker(() => JsonSerializer.Serialize(new { leaked })));
        Assert.ThrowsAny<Exception>(() => RefuseMarker(() => Convert.ToHexString(leaked)));
        Assert.ThrowsAny<Exception>(() => RefuseMarker(() => JsonSerializer.Serialize(leaked.Select(b => (int)b))));
    }

    private static IEnumerable<Type> CoreTypes() => typeof(SecretValue).Assembly.GetTypes().Where(t => !IsGenerated(t) && !t.IsByRefLike && !t.IsInterface && !t.ContainsGenericParameters);

    private static bool IsGenerated(Type type) => type.IsDefined(typeof(CompilerGeneratedAttribute), false) || (type.DeclaringType is { } outer && IsGenerated(outer));

    private static bool IsMarked(Type type) => type.IsDefined(typeof(HoldsSecretAttribute), false);

    private static bool Carries(Type type) =>
        IsMarked(type) || (type.IsArray && Carries(type.GetElementType()!)) || (type.IsGenericType && !type.ContainsGenericParameters && typeof(IEnumerable).IsAssignableFrom(type) && type.GetGenericArguments().Any(Carries));

    private static bool IsPublicKey(MemberInfo member) => member.DeclaringType == typeof(AuditSigner) && member.Name == "_publicKey"
        || member.DeclaringType == typeof(Keyring) && member is FieldInfo { FieldType.Name: nameof(AuditSigner) };

    /// <summary>An instance without constructor whose secret fields hold the marker.</summary>
    private static object Filled(Type type)
    {
        object instance = RuntimeHelpers.GetUninitializedObject(type);
        foreach (FieldInfo field in type.GetFields(Fields))
        {
            if (field.FieldType == typeof(SecretValue))
            {
                field.SetValue(instance, SecretValue.Copy(Encoding.UTF8.GetBytes(Marker)));
            }
            else if (field.FieldType == typeof(byte[]))
            {
                field.SetValue(instance, Encoding.UTF8.GetBytes(Marker));
            }
            else if (field.FieldType == typeof(int) && type == typeof(SecretValue))
            {
                field.SetValue(instance, Marker.Length);
            }
        }

        return instance;
    }

    private static void RefuseMarker(Func<string?> print)
    {
        string text;
        try
        {
            text = print() ?? "";
        }
        catch (Exception failure) when (failure is not Xunit.Sdk.IAssertionException)
        {
            // Half-filled instances may refuse to print; their refusal must not tell either.
            text = failure.ToString();
        }

        byte[] marker = Encoding.UTF8.GetBytes(Marker);
        string[] forms = [Marker, Convert.ToHexString(marker), Convert.ToBase64String(marker)[..16], string.Join(',', marker.Take(8)), string.Join(", ", marker.Take(8))];
        Assert.All(forms, form => Assert.DoesNotContain(form, text, StringComparison.OrdinalIgnoreCase));
    }
}
