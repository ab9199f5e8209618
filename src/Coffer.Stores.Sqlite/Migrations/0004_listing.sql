-- A listing by the beginning of names in the order of creation is answered from the index of names alone, where few names begin so.

DROP INDEX secrets_active_by_name;
DROP INDEX secrets_deleted_by_name;
CREATE INDEX secrets_active_by_name ON secrets (vault_id, location, wires, name, created, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX secrets_deleted_by_name ON secrets (vault_id, location, wires, name, created, deleted_at) WHERE deleted_at IS NOT NULL;
