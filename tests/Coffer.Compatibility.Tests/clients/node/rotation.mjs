// Rotation asked for by the AWS SDK for JavaScript, on the server that rotation.py runs. Prints 'ok' at the end.
import assert from 'node:assert/strict';
import { SecretsManagerClient, CancelRotateSecretCommand, CreateSecretCommand, DescribeSecretCommand, GetSecretValueCommand, ListSecretsCommand, RotateSecretCommand } from '@aws-sdk/client-secrets-manager';

const client = new SecretsManagerClient({ region: 'eu-west-1', endpoint: process.env.ENDPOINT });
const SecretId = 'shop/from-node';
const first = await client.send(new CreateSecretCommand({ Name: SecretId, SecretString: '{"password":"the first one"}' }));
await assert.rejects(client.send(new RotateSecretCommand({ SecretId })), e => e.name === 'InvalidRequestException' && e.message === 'No Lambda rotation function ARN is associated with this secret.');
await assert.rejects(
  client.send(new RotateSecretCommand({ SecretId, RotationLambdaARN: process.env.FUNCTION, RotationRules: { AutomaticallyAfterDays: 3, ScheduleExpression: 'rate(3 days)' } })),
  e => e.name === 'InvalidParameterException');
await assert.rejects(client.send(new RotateSecretCommand({ SecretId, RotationLambdaARN: process.env.FUNCTION, RotationRules: { AutomaticallyAfterDays: 1001 } })), e => e.name === 'ValidationException');
const rotated = await client.send(new RotateSecretCommand({ SecretId, RotationLambdaARN: process.env.FUNCTION, RotationRules: { ScheduleExpression: 'rate(10 days)', Duration: '3h' } }));

let described;
const end = Date.now() + 60_000;
do {
  described = await client.send(new DescribeSecretCommand({ SecretId }));
  assert.ok(Date.now() < end, JSON.stringify(described));
} while (!described.LastRotatedDate);
assert.ok(described.LastRotatedDate instanceof Date && described.NextRotationDate > described.LastRotatedDate);
assert.deepEqual(described.RotationRules, { AutomaticallyAfterDays: 10, Duration: '3h', ScheduleExpression: 'rate(10 days)' });
assert.deepEqual(described.VersionIdsToStages[first.VersionId], ['AWSPREVIOUS']);
assert.ok(described.VersionIdsToStages[rotated.VersionId].includes('AWSCURRENT'));
assert.notEqual(JSON.parse((await client.send(new GetSecretValueCommand({ SecretId }))).SecretString).password, 'the first one');
const entry = (await client.send(new ListSecretsCommand({ Filters: [{ Key: 'name', Values: [SecretId] }] }))).SecretList[0];
assert.equal(entry.RotationLambdaARN, process.env.FUNCTION);
const cancelled = await client.send(new CancelRotateSecretCommand({ SecretId }));
assert.equal(cancelled.VersionId, undefined);
described = await client.send(new DescribeSecretCommand({ SecretId }));
assert.equal(described.RotationEnabled, false);
assert.equal(described.RotationRules.Duration, '3h');
assert.equal(described.NextRotationDate, undefined);
console.log('ok');
