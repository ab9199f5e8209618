-- When a secret's rotation is due stands in its head, under the head's mac.

DROP TABLE rotation_due;
ALTER TABLE secrets ADD COLUMN rotation_due INTEGER;
CREATE INDEX secrets_by_rotation ON secrets (rotation_due, secret_id) WHERE rotation_due IS NOT NULL;
