// One secret from creation to force deletion, as the AWS SDK for JavaScript sees it. Prints 'ok' at the end.
import assert from 'node:assert/strict';
import {
  SecretsManagerClient, CreateSecretCommand, GetSecretValueCommand, PutSecretValueCommand, DescribeSecretCommand,
  DeleteSecretCommand, RestoreSecretCommand, ResourceNotFoundException, ResourceExistsException, InvalidRequestException, paginateListSecrets,
} from '@aws-sdk/client-secrets-manager';
import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';

const client = new SecretsManagerClient({});
const Name = 'node/life';
const created = await client.send(new CreateSecretCommand({ Name, SecretString: '{"user":"a","n":1}' }));
assert.match(created.ARN, /:secret:node\/life-[A-Za-z0-9]{6}$/);
const read = await client.send(new GetSecretValueCommand({ SecretId: created.ARN }));
assert.equal(read.SecretString, '{"user":"a","n":1}');
assert.deepEqual(read.VersionStages, ['AWSCURRENT']);
assert.ok(read.CreatedDate instanceof Date && Math.abs(read.CreatedDate - Date.now()) < 60000);
await assert.rejects(client.send(new CreateSecretCommand({ Name, SecretString: 'x' })), ResourceExistsException);
await client.send(new PutSecretValueCommand({ SecretId: Name, SecretBinary: new Uint8Array([0, 255, 7]) }));
const binary = await client.send(new GetSecretValueCommand({ SecretId: Name }));
assert.deepEqual([...binary.SecretBinary], [0, 255, 7]);
const previous = await client.send(new GetSecretValueCommand({ SecretId: Name, VersionStage: 'AWSPREVIOUS' }));
assert.equal(previous.VersionId, created.VersionId);
const described = await client.send(new DescribeSecretCommand({ SecretId: Name }));
assert.equal(Object.keys(described.VersionIdsToStages).length, 2);
const names = [];
for await (const page of paginateListSecrets({ client, pageSize: 1 }, {})) names.push(...page.SecretList.map(s => s.Name));
assert.ok(names.includes(Name) && new Set(names).size === names.length);
await client.send(new DeleteSecretCommand({ SecretId: Name }));
await assert.rejects(client.send(new GetSecretValueCommand({ SecretId: Name })), InvalidRequestException);
await client.send(new RestoreSecretCommand({ SecretId: Name }));
await client.send(new DeleteSecretCommand({ SecretId: Name, ForceDeleteWithoutRecovery: true }));
await assert.rejects(client.send(new GetSecretValueCommand({ SecretId: Name })), ResourceNotFoundException);
const identity = await new STSClient({}).send(new GetCallerIdentityCommand({}));
assert.equal(identity.Account, created.ARN.split(':')[4]);
console.log('ok');
