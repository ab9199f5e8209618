namespace Coffer.Core.Access;

/// <summary>Everything that can be asked of the core. Closed; every policy language has a question for each.</summary>
public enum Operation
{
    /// <summary>Lists the active secrets of a vault.</summary>
    ListSecrets = 1,

    /// <summary>Lists the secrets scheduled for deletion.</summary>
    ListDeleted = 2,

    /// <summary>Creates a secret.</summary>
    CreateSecret = 3,

    /// <summary>Reads a secret's metadata.</summary>
    ReadMetadata = 4,

    /// <summary>Reads the metadata of a secret scheduled for deletion.</summary>
    ReadDeleted = 5,

    /// <summary>Lists a secret's versions.</summary>
    ListVersions = 6,

    /// <summary>Reads the metadata of one version.</summary>
    ReadVersionMetadata = 7,

    /// <summary>Reads a value.</summary>
    ReadValue = 8,

    /// <summary>Adds a version.</summary>
    AddVersion = 9,

    /// <summary>Changes a secret's metadata, replication included.</summary>
    EditMetadata = 10,

    /// <summary>Changes tags in the space that conditions read.</summary>
    EditTags = 11,

    /// <summary>Moves a label.</summary>
    MoveLabel = 12,

    /// <summary>Enables a version.</summary>
    EnableVersion = 13,

    /// <summary>Disables a version.</summary>
    DisableVersion = 14,

    /// <summary>Erases a version's value.</summary>
    DestroyVersion = 15,

    /// <summary>Deletes recoverably.</summary>
    DeleteSecret = 16,

    /// <summary>Takes a deletion back.</summary>
    RecoverSecret = 17,

    /// <summary>Removes a secret for good.</summary>
    PurgeSecret = 18,

    /// <summary>Takes a secret out as a blob.</summary>
    BackupSecret = 19,

    /// <summary>Brings a blob back.</summary>
    RestoreBackup = 20,

    /// <summary>Begins a rotation or sets its rules.</summary>
    RotateSecret = 21,

    /// <summary>Ends rotation.</summary>
    CancelRotation = 22,

    /// <summary>Reads a policy.</summary>
    ReadPolicy = 23,

    /// <summary>Writes or removes a policy.</summary>
    WritePolicy = 24,

    /// <summary>Changes principals, credentials, vaults or settings.</summary>
    Administer = 25,

    /// <summary>Makes a random password.</summary>
    RandomPassword = 26,

    /// <summary>Asks who one is.</summary>
    WhoAmI = 27,

    /// <summary>Reads the audit trail.</summary>
    ReadAudit = 28,
}

/// <summary>What Coffer's own grants name. Flags.</summary>
[Flags]
public enum CofferActions
{
    /// <summary>Nothing: any caller may.</summary>
    None = 0,

    /// <summary>See which secrets there are.</summary>
    List = 1,

    /// <summary>Read metadata, never the value.</summary>
    Describe = 2,

    /// <summary>Read values.</summary>
    Read = 4,

    /// <summary>Create secrets, add versions, change metadata.</summary>
    Write = 8,

    /// <summary>Change tags.</summary>
    Tag = 16,

    /// <summary>Move labels.</summary>
    Label = 32,

    /// <summary>Enable versions.</summary>
    Enable = 64,

    /// <summary>Disable versions.</summary>
    Disable = 128,

    /// <summary>Delete recoverably.</summary>
    Delete = 256,

    /// <summary>Take a deletion back.</summary>
    Recover = 512,

    /// <summary>Erase values and secrets for good.</summary>
    Purge = 1024,

    /// <summary>Rotate.</summary>
    Rotate = 2048,

    /// <summary>Change grants and settings.</summary>
    Administer = 4096,

    /// <summary>The role <c>reader</c>.</summary>
    Reader = List | Describe | Read,

    /// <summary>The role <c>writer</c>.</summary>
    Writer = Reader | Write | Tag | Label | Enable | Disable | Delete | Recover | Rotate,

    /// <summary>The role <c>operator</c>: a writer who cannot read.</summary>
    Operator = Writer & ~Read,

    /// <summary>The role <c>admin</c>.</summary>
    Admin = Writer | Purge | Administer,
}

/// <summary>The table from operations to the actions of Coffer's own grants.</summary>
public static class Operations
{
    /// <summary>The actions that must all be allowed.</summary>
    public static CofferActions Actions(this Operation operation) => operation switch
    {
        Operation.ListSecrets or Operation.ListDeleted => CofferActions.List,
        Operation.CreateSecret or Operation.AddVersion or Operation.EditMetadata or Operation.RestoreBackup => CofferActions.Write,
        Operation.ReadMetadata or Operation.ReadDeleted or Operation.ListVersions or Operation.ReadVersionMetadata => CofferActions.Describe,
        Operation.ReadValue => CofferActions.Read,
        Operation.EditTags => CofferActions.Tag,
        Operation.MoveLabel => CofferActions.Label,
        Operation.EnableVersion => CofferActions.Enable,
        Operation.DisableVersion => CofferActions.Disable,
        Operation.DestroyVersion or Operation.PurgeSecret => CofferActions.Purge,
        Operation.DeleteSecret => CofferActions.Delete,
        Operation.RecoverSecret => CofferActions.Recover,
        Operation.BackupSecret => CofferActions.Read | CofferActions.Describe,
        Operation.RotateSecret or Operation.CancelRotation => CofferActions.Rotate,
        Operation.ReadPolicy or Operation.WritePolicy or Operation.Administer or Operation.ReadAudit => CofferActions.Administer,
        Operation.RandomPassword or Operation.WhoAmI => CofferActions.None,
    };

    /// <summary>How an operation is written in audit records and messages: the enum's name, kept as one string each.</summary>
    public static string Text(this Operation operation) => Names[(int)operation];

    private static readonly string[] Names = BuildNames();

    private static string[] BuildNames()
    {
        Operation[] all = Enum.GetValues<Operation>();
        string[] names = new string[(int)all[^1] + 1];
        foreach (Operation operation in all)
        {
            names[(int)operation] = operation.ToString();
        }

        return names;
    }
}
