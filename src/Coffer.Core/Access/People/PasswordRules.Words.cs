using System.Collections.Frozen;

namespace Coffer.Core.Access.People;

internal static partial class PasswordRules
{
    /// <summary>Ways along a keyboard, with room to go round.</summary>
    private static readonly string[] Rows = [.. new[]
    {
        "01234567890123456789012345678901234567890",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
        "qwertyuiopasdfghjklzxcvbnmqwertyuiop",
        "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
        "qwertzuiopasdfghjklyxcvbnmqwertzuiop",
        "azertyuiopqsdfghjklmwxcvbnazertyuiop",
        "`1234567890-=qwertyuiop",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
        "1q2w3e4r5t6y7u8i9o0p",
        "q1w2e3r4t5y6u7i8o9p0",
        "!@#$%^&*()_+",
        "a1b2c3d4e5f6g7h8i9j0",
        "1a2b3c4d5e6f7g8h9i0j",
    }.SelectMany(row => new[] { row, string.Concat(row.Reverse()) })];

    /// <summary>What the commonest passwords are made of; signs for letters are undone before the comparison.</summary>
    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Known = new[]
    {
        "a", "an", "and", "for", "is", "it", "me", "my", "new", "no", "not", "of", "on", "one", "our", "the", "this", "to", "two", "us", "with", "you", "your",
        "abc", "abcd", "abcde", "abcdef", "access", "account", "admin", "administrator", "adobe", "alpha", "amazon", "android", "angel", "apple", "april", "asdf",
        "asdfgh", "asdfghjkl", "ashley", "august", "auto", "autumn", "azerty", "azertyuiop", "babygirl", "bailey", "baseball", "basketball", "batman", "battery", "berlin",
        "blink", "buster", "butterfly", "change", "changeit", "changeme", "charlie", "cheese", "chelsea", "chocolate", "cloud", "coffee", "coffer", "company",
        "computer", "cookie", "corp", "correct", "cowboy", "daniel", "dallas", "data", "database", "december", "default", "demo", "dev", "dragon", "eagle", "enter",
        "family", "february", "firefox", "flower", "football", "forever", "freedom", "friend", "friends", "friday", "fuck", "fuckyou", "game", "gateway", "george",
        "ginger", "god", "google", "guest", "hannah", "happy", "harley", "hello", "hockey", "home", "horse", "house", "hunter", "iloveyou", "internet", "jackson",
        "january", "jennifer", "jessica", "jesus", "jordan", "joshua", "july", "june", "justin", "killer", "king", "klaster", "letmein", "life", "linux", "liverpool",
        "local", "localhost", "login", "london", "love", "lovely", "loveme", "lover", "maggie", "manager", "manchester", "march", "martin", "master", "matrix", "matthew",
        "michael", "michelle", "microsoft", "minecraft", "monday", "money", "monkey", "monster", "motdepasse", "mustang", "mysql", "naruto", "network", "nicole",
        "nothing", "november", "ninja", "october", "office", "open", "opensesame", "oracle", "orange", "pass", "passcode", "passport", "passphrase", "passw", "passwd",
        "password", "passwords", "passwort", "patrick", "pepper", "please", "pokemon", "power", "prince", "princess", "prod", "production", "purple", "qazwsx", "qazwsxedc",
        "qwe", "qwer", "qwert", "qwerty", "qwertyu", "qwertyui", "qwertyuiop", "qwertz", "qwertzuiop", "rabbit", "ranger", "robert", "root", "samsung", "saturday",
        "secret", "secrets", "secure", "security", "september", "server", "service", "shadow", "silver", "soccer", "spring", "staging", "staple", "star", "starwars",
        "summer", "sunday", "sunshine", "super", "superman", "superuser", "support", "sysadmin", "system", "taylor", "team", "temp", "temporary", "test", "tester",
        "testing", "thomas", "thunder", "tigger", "tokyo", "toor", "trustno", "trustnoi", "tuesday", "ubuntu", "unknown", "user", "username", "vault", "wachtwoord",
        "web", "welcome", "whatever", "william", "windows", "winner", "winter", "wizard", "work", "yankees", "yellow", "zaq", "zxcvbn", "zxcvbnm", "contrasena", "hallo",
        "geheim", "iloveu", "liebe", "mima", "parola", "senha", "sifre", "haslo", "salasana", "losenord",
    }.ToFrozenSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
}
