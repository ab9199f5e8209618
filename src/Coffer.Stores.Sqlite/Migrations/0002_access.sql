-- Environments, separation of duties, trusts of every kind, requests for approval, one-time codes.

ALTER TABLE vaults ADD COLUMN project TEXT NOT NULL DEFAULT '';
ALTER TABLE vaults ADD COLUMN stage INTEGER NOT NULL DEFAULT 0;
ALTER TABLE vaults ADD COLUMN separate_duties INTEGER NOT NULL DEFAULT 0;
ALTER TABLE vaults ADD COLUMN approvals INTEGER NOT NULL DEFAULT 0;

ALTER TABLE credentials ADD COLUMN last_step INTEGER NOT NULL DEFAULT -1;  -- -1 = no one-time code was used

-- A trust may name its principal by a claim.
CREATE TABLE trusts_next (
    trust_id        BLOB    PRIMARY KEY,
    name            TEXT    NOT NULL UNIQUE,
    kind            INTEGER NOT NULL,
    issuer          TEXT    NOT NULL,
    audiences       TEXT,
    claims          TEXT,
    principal_id    BLOB    REFERENCES principals ON DELETE CASCADE,
    principal_claim TEXT,
    new_group       BLOB,
    max_seconds     INTEGER NOT NULL,
    settings        TEXT    NOT NULL,
    sealed          BLOB    NOT NULL,
    created         INTEGER NOT NULL,
    revision        INTEGER NOT NULL,
    mac             BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO trusts_next SELECT trust_id, name, 1, issuer, NULL, claims, principal_id, NULL, NULL, 3600, '', x'', created, revision, mac FROM trusts;
DROP TABLE trusts;
ALTER TABLE trusts_next RENAME TO trusts;
CREATE INDEX trusts_by_principal ON trusts (principal_id);

CREATE TABLE approvals (
    request_id    TEXT    PRIMARY KEY,
    kind          INTEGER NOT NULL,
    vault         TEXT    NOT NULL,
    names         TEXT    NOT NULL,
    requester_id  BLOB    NOT NULL REFERENCES principals ON DELETE CASCADE,
    grant_source  TEXT    NOT NULL,
    subject_id    BLOB    NOT NULL,
    subject_group INTEGER NOT NULL,
    reason        TEXT    NOT NULL,
    seconds       INTEGER NOT NULL,
    created       INTEGER NOT NULL,
    expires       INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    decided_by    BLOB,
    decided_at    INTEGER,
    valid_until   INTEGER,
    revision      INTEGER NOT NULL,
    mac           BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_by_requester ON approvals (requester_id);
