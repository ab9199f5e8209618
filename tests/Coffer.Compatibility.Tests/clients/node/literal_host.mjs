// A program that names the vendor's host itself: reached through the preload, whatever the region.
import assert from 'node:assert/strict';
import { SecretsManagerClient, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';

const client = new SecretsManagerClient({ region: 'eu-west-3', endpoint: 'https://secretsmanager.eu-west-3.amazonaws.com' });
const read = await client.send(new GetSecretValueCommand({ SecretId: 'api-key' }));
assert.equal(read.ARN.split(':')[3], 'eu-west-3');
console.log('ok');
