// A profile whose credential_process is coffer, as the AWS SDK for JavaScript takes it. Prints 'ok' at the end.
import assert from 'node:assert/strict';
import { SecretsManagerClient, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';

const client = new SecretsManagerClient({});
assert.ok((await client.send(new GetSecretValueCommand({ SecretId: 'api-key' }))).SecretString);
assert.match((await client.config.credentials()).accessKeyId, /^ASIA/);
console.log('ok');
