-- Times are UTC microseconds, days are days since 1970, ids of principals and uids are 16 bytes big-endian.
-- Every row that decides something carries the core's mac; the store neither makes nor checks it.

CREATE TABLE vaults (
    vault_id             INTEGER PRIMARY KEY AUTOINCREMENT,
    name                 TEXT    NOT NULL UNIQUE,
    number               INTEGER NOT NULL UNIQUE,
    description          TEXT    NOT NULL,
    created              INTEGER NOT NULL,
    retention_days       INTEGER NOT NULL,
    purge_protection     INTEGER NOT NULL,
    owner                TEXT    NOT NULL,
    azure_access         INTEGER NOT NULL,
    kv_version           INTEGER NOT NULL,
    max_versions         INTEGER NOT NULL,
    cas_required         INTEGER NOT NULL,
    delete_version_after INTEGER NOT NULL,
    settings_revision    INTEGER NOT NULL,
    policy_digest        BLOB    NOT NULL,
    mac                  BLOB    NOT NULL
) STRICT;

CREATE TABLE vault_aliases (
    dialect  TEXT    NOT NULL,
    text     TEXT    NOT NULL,
    vault_id INTEGER NOT NULL REFERENCES vaults ON DELETE CASCADE,
    PRIMARY KEY (dialect, text)
) STRICT, WITHOUT ROWID;
CREATE INDEX vault_aliases_by_vault ON vault_aliases (vault_id);

-- AUTOINCREMENT: a number is never given twice, so one that somebody still holds never leads to another secret.
CREATE TABLE secrets (
    secret_id        INTEGER PRIMARY KEY AUTOINCREMENT,
    uid              BLOB    NOT NULL UNIQUE,
    vault_id         INTEGER NOT NULL REFERENCES vaults,
    location         TEXT    NOT NULL,
    name             TEXT    NOT NULL,
    name_folded      TEXT    NOT NULL,
    wires            INTEGER NOT NULL,
    description      TEXT    NOT NULL,
    created          INTEGER NOT NULL,
    changed          INTEGER NOT NULL,
    revision         INTEGER NOT NULL,
    highest          INTEGER NOT NULL,
    current          INTEGER NOT NULL,
    previous         INTEGER NOT NULL,
    oldest           INTEGER NOT NULL,
    version_count    INTEGER NOT NULL,
    deleted_at       INTEGER,
    purge_at         INTEGER,
    expires          INTEGER,
    last_read_day    INTEGER NOT NULL,  -- -1 = never, so that the index orders it
    ever_tagged      INTEGER NOT NULL,
    rotation         TEXT,
    policy_languages INTEGER NOT NULL,
    policy_digest    BLOB    NOT NULL,
    tags             TEXT,              -- JSON object; the rows of space 1 in attributes say the same
    label_count      INTEGER NOT NULL,
    label_digest     BLOB    NOT NULL,
    mac              BLOB    NOT NULL,
    CHECK ((deleted_at IS NULL) = (purge_at IS NULL)),
    UNIQUE (vault_id, location, name)
) STRICT;
CREATE INDEX secrets_by_folded ON secrets (vault_id, name_folded, created, secret_id) WHERE location = '';
CREATE INDEX secrets_active_by_created ON secrets (vault_id, location, wires, created, secret_id) WHERE deleted_at IS NULL;
CREATE INDEX secrets_active_by_changed ON secrets (vault_id, location, wires, changed, secret_id) WHERE deleted_at IS NULL;
CREATE INDEX secrets_active_by_read ON secrets (vault_id, location, wires, last_read_day, secret_id) WHERE deleted_at IS NULL;
CREATE INDEX secrets_active_by_name ON secrets (vault_id, location, wires, name) WHERE deleted_at IS NULL;
CREATE INDEX secrets_deleted_by_created ON secrets (vault_id, location, wires, created, secret_id) WHERE deleted_at IS NOT NULL;
CREATE INDEX secrets_deleted_by_changed ON secrets (vault_id, location, wires, changed, secret_id) WHERE deleted_at IS NOT NULL;
CREATE INDEX secrets_deleted_by_read ON secrets (vault_id, location, wires, last_read_day, secret_id) WHERE deleted_at IS NOT NULL;
CREATE INDEX secrets_deleted_by_name ON secrets (vault_id, location, wires, name) WHERE deleted_at IS NOT NULL;
CREATE INDEX secrets_by_purge ON secrets (purge_at, secret_id) WHERE purge_at IS NOT NULL;
CREATE INDEX secrets_by_expiry ON secrets (expires, secret_id) WHERE expires IS NOT NULL;

CREATE TABLE versions (
    secret_id     INTEGER NOT NULL REFERENCES secrets ON DELETE CASCADE,
    number        INTEGER NOT NULL,
    id            BLOB    NOT NULL,
    token         TEXT,
    has_value     INTEGER NOT NULL,
    kind          INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    fingerprint   BLOB    NOT NULL,
    created       INTEGER NOT NULL,
    updated       INTEGER NOT NULL,
    revision      INTEGER NOT NULL,
    disabled_at   INTEGER,
    destroy_at    INTEGER,
    destroyed_at  INTEGER,
    not_before    INTEGER,
    expires       INTEGER,
    content_type  TEXT,
    wire          TEXT    NOT NULL,
    key_name      TEXT,
    created_by    TEXT    NOT NULL,
    last_read_day INTEGER NOT NULL,
    mac           BLOB    NOT NULL,
    PRIMARY KEY (secret_id, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX versions_by_id ON versions (secret_id, id);
CREATE UNIQUE INDEX versions_by_token ON versions (secret_id, token) WHERE token IS NOT NULL;
CREATE INDEX versions_by_destroy ON versions (destroy_at, secret_id) WHERE destroy_at IS NOT NULL AND destroyed_at IS NULL;

-- A table with row numbers: values may be large, and large rows would make a clustered tree deep.
CREATE TABLE sealed_values (
    secret_id INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    sealed    BLOB    NOT NULL,
    PRIMARY KEY (secret_id, number),
    FOREIGN KEY (secret_id, number) REFERENCES versions ON DELETE CASCADE
) STRICT;

CREATE TABLE labels (
    secret_id INTEGER NOT NULL REFERENCES secrets ON DELETE CASCADE,
    label     TEXT    NOT NULL,
    number    INTEGER NOT NULL,
    PRIMARY KEY (secret_id, label)
) STRICT, WITHOUT ROWID;
CREATE INDEX labels_by_number ON labels (secret_id, number);

CREATE TABLE attributes (
    secret_id INTEGER NOT NULL REFERENCES secrets ON DELETE CASCADE,
    number    INTEGER NOT NULL,         -- 0 = the secret itself
    space     INTEGER NOT NULL,
    key       TEXT    NOT NULL,
    value     TEXT    NOT NULL,
    vault_id  INTEGER NOT NULL,
    PRIMARY KEY (secret_id, number, space, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX attributes_by_key ON attributes (vault_id, space, key, value, secret_id);
CREATE INDEX attributes_by_value ON attributes (vault_id, space, value, secret_id);

CREATE TABLE annotations (
    secret_id INTEGER NOT NULL REFERENCES secrets ON DELETE CASCADE,
    number    INTEGER NOT NULL,         -- 0 = the secret itself
    dialect   TEXT    NOT NULL,
    json      TEXT    NOT NULL,
    PRIMARY KEY (secret_id, number, dialect)
) STRICT, WITHOUT ROWID;

CREATE TABLE rotation_due (
    secret_id INTEGER PRIMARY KEY REFERENCES secrets ON DELETE CASCADE,
    due       INTEGER NOT NULL
) STRICT;
CREATE INDEX rotation_due_by_due ON rotation_due (due, secret_id);

-- How many secrets there are, by what a listing of one wire counts.
CREATE TABLE counters (
    vault_id INTEGER NOT NULL REFERENCES vaults ON DELETE CASCADE,
    location TEXT    NOT NULL,
    wires    INTEGER NOT NULL,
    secrets  INTEGER NOT NULL,
    PRIMARY KEY (vault_id, location, wires)
) STRICT, WITHOUT ROWID;

CREATE TABLE principals (
    principal_id  BLOB    PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    kind          INTEGER NOT NULL,
    home          TEXT,
    enabled       INTEGER NOT NULL,
    description   TEXT    NOT NULL,
    created       INTEGER NOT NULL,
    revision      INTEGER NOT NULL,
    annotations   TEXT,
    policy_digest BLOB    NOT NULL,
    mac           BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE groups (
    group_id      BLOB    PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    created       INTEGER NOT NULL,
    revision      INTEGER NOT NULL,
    policy_digest BLOB    NOT NULL,
    mac           BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    group_id     BLOB NOT NULL REFERENCES groups ON DELETE CASCADE,
    principal_id BLOB NOT NULL REFERENCES principals ON DELETE CASCADE,
    PRIMARY KEY (group_id, principal_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_principal ON members (principal_id);

CREATE TABLE credentials (
    public_id     TEXT    PRIMARY KEY,
    principal_id  BLOB    REFERENCES principals ON DELETE CASCADE,
    kind          INTEGER NOT NULL,
    verifier      BLOB,                 -- keyed hash of the secret text, or null
    sealed        BLOB    NOT NULL,
    description   TEXT    NOT NULL,
    created       INTEGER NOT NULL,
    expires       INTEGER,
    uses_left     INTEGER,
    cidrs         TEXT,
    last_used_day INTEGER NOT NULL,     -- -1 = never
    policies      TEXT,
    limits        TEXT,
    parent        TEXT,
    revision      INTEGER NOT NULL,
    policy_digest BLOB    NOT NULL,
    mac           BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX credentials_by_verifier ON credentials (verifier) WHERE verifier IS NOT NULL;
CREATE INDEX credentials_by_principal ON credentials (principal_id, created, public_id);
CREATE INDEX credentials_by_created ON credentials (created, public_id);
CREATE INDEX credentials_by_expiry ON credentials (expires) WHERE expires IS NOT NULL;

CREATE TABLE trusts (
    trust_id     BLOB    PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE,
    issuer       TEXT    NOT NULL,
    claims       TEXT,
    principal_id BLOB    NOT NULL REFERENCES principals ON DELETE CASCADE,
    created      INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    mac          BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX trusts_by_principal ON trusts (principal_id);

CREATE TABLE policies (
    policy_id     BLOB    PRIMARY KEY,
    language      TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    use           INTEGER NOT NULL,
    source        TEXT    NOT NULL,
    attached_kind INTEGER NOT NULL,
    attached_id   TEXT    NOT NULL,
    created       INTEGER NOT NULL,
    created_by    TEXT    NOT NULL,
    revision      INTEGER NOT NULL,
    mac           BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX policies_by_attachment ON policies (attached_kind, attached_id, language, name);
CREATE INDEX policies_by_language ON policies (language, attached_kind, attached_id);

CREATE TABLE roles (
    language    TEXT NOT NULL,
    vault       TEXT NOT NULL,          -- a vault's name, or '' for all
    name        TEXT NOT NULL,
    permissions TEXT,
    mac         BLOB NOT NULL,
    PRIMARY KEY (language, vault, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX roles_by_vault ON roles (vault);

CREATE TABLE aliases (
    mount        TEXT NOT NULL,
    name         TEXT NOT NULL,
    principal_id BLOB NOT NULL REFERENCES principals ON DELETE CASCADE,
    metadata     TEXT,
    mac          BLOB NOT NULL,
    PRIMARY KEY (mount, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_by_principal ON aliases (principal_id);

CREATE TABLE leases (
    lease_id TEXT    PRIMARY KEY,
    parent   TEXT,
    token    TEXT,
    created  INTEGER NOT NULL,
    expires  INTEGER,
    sealed   BLOB    NOT NULL,
    mac      BLOB    NOT NULL
) STRICT;
CREATE INDEX leases_by_parent ON leases (parent) WHERE parent IS NOT NULL;
CREATE INDEX leases_by_token ON leases (token) WHERE token IS NOT NULL;
CREATE INDEX leases_by_expiry ON leases (expires) WHERE expires IS NOT NULL;

CREATE TABLE cubbyhole (
    token  TEXT NOT NULL,
    path   TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (token, path)
) STRICT;

CREATE TABLE keys (
    key_id  INTEGER PRIMARY KEY,
    created INTEGER NOT NULL,
    wrapped BLOB    NOT NULL
) STRICT;

CREATE TABLE seal (
    seal_id  INTEGER PRIMARY KEY CHECK (seal_id = 1),
    revision INTEGER NOT NULL,
    seal     BLOB    NOT NULL
) STRICT;

CREATE TABLE outbox (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    kind    INTEGER NOT NULL,
    subject TEXT    NOT NULL,
    body    BLOB    NOT NULL
) STRICT;

-- seq is the order of commits, which the trail follows.
CREATE TABLE audit_pending (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    record_id BLOB    NOT NULL UNIQUE,
    body      BLOB    NOT NULL
) STRICT;

CREATE TABLE audit_checkpoint (
    checkpoint_id INTEGER PRIMARY KEY CHECK (checkpoint_id = 1),
    body          BLOB    NOT NULL
) STRICT;

-- Moves with every change of principals, groups, trusts, policies, roles and aliases.
CREATE TABLE access_epoch (
    epoch_id INTEGER PRIMARY KEY CHECK (epoch_id = 1),
    epoch    INTEGER NOT NULL
) STRICT;
INSERT INTO access_epoch VALUES (1, 1);
