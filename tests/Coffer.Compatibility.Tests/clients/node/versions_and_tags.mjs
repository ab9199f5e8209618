// Versions, stages, tags, random passwords and batches, as the AWS SDK for JavaScript sees them. Prints 'ok' at the end.
import assert from 'node:assert/strict';
import {
  SecretsManagerClient, CreateSecretCommand, UpdateSecretCommand, UpdateSecretVersionStageCommand, PutSecretValueCommand, GetSecretValueCommand,
  DescribeSecretCommand, TagResourceCommand, UntagResourceCommand, GetRandomPasswordCommand, BatchGetSecretValueCommand, DeleteSecretCommand,
  InvalidParameterException, ResourceExistsException, paginateListSecretVersionIds, paginateBatchGetSecretValue,
} from '@aws-sdk/client-secrets-manager';

const client = new SecretsManagerClient({});
const send = command => client.send(command);
const SecretId = 'node/versions';
const first = (await send(new CreateSecretCommand({ Name: SecretId, SecretString: 'one' }))).VersionId;
assert.equal((await send(new UpdateSecretCommand({ SecretId, Description: 'words' }))).VersionId, undefined);
const second = (await send(new UpdateSecretCommand({ SecretId, SecretBinary: new Uint8Array([1, 2]) }))).VersionId;
assert.deepEqual([...(await send(new GetSecretValueCommand({ SecretId }))).SecretBinary], [1, 2]);
await assert.rejects(send(new UpdateSecretCommand({ SecretId, SecretString: 'other', ClientRequestToken: second })), ResourceExistsException);
await assert.rejects(send(new UpdateSecretVersionStageCommand({ SecretId, VersionStage: 'AWSCURRENT', MoveToVersionId: first })), InvalidParameterException);
await send(new UpdateSecretVersionStageCommand({ SecretId, VersionStage: 'AWSCURRENT', MoveToVersionId: first, RemoveFromVersionId: second }));
assert.equal((await send(new GetSecretValueCommand({ SecretId }))).SecretString, 'one');
await send(new PutSecretValueCommand({ SecretId, SecretString: 'three' }));
const versions = [];
for await (const page of paginateListSecretVersionIds({ client, pageSize: 1 }, { SecretId, IncludeDeprecated: true })) versions.push(...page.Versions);
assert.equal(versions.length, 3);
assert.equal(versions.find(v => v.VersionId === second).VersionStages, undefined);
await send(new TagResourceCommand({ SecretId, Tags: [{ Key: 'team', Value: 'red' }] }));
assert.deepEqual((await send(new DescribeSecretCommand({ SecretId }))).Tags, [{ Key: 'team', Value: 'red' }]);
await send(new UntagResourceCommand({ SecretId, TagKeys: ['team'] }));
assert.deepEqual((await send(new DescribeSecretCommand({ SecretId }))).Tags, []);
assert.match((await send(new GetRandomPasswordCommand({ PasswordLength: 40, ExcludePunctuation: true }))).RandomPassword, /^[A-Za-z0-9]{40}$/);

await send(new CreateSecretCommand({ Name: 'node/gone', SecretString: 'x' }));
await send(new DeleteSecretCommand({ SecretId: 'node/gone' }));
const batch = await send(new BatchGetSecretValueCommand({ SecretIdList: [SecretId, 'node/never-was', 'node/gone'] }));
assert.deepEqual(batch.SecretValues.map(v => [v.Name, v.SecretString]), [[SecretId, 'three']]);
assert.ok(batch.SecretValues[0].CreatedDate instanceof Date);
assert.deepEqual(batch.Errors.map(e => [e.SecretId, e.ErrorCode]), [['node/never-was', 'ResourceNotFoundException'], ['node/gone', 'InvalidRequestException']]);
for (let i = 0; i < 5; i++) await send(new CreateSecretCommand({ Name: `node/batch/${i}`, SecretString: `${i}` }));
const values = [];
for await (const page of paginateBatchGetSecretValue({ client, pageSize: 2 }, { Filters: [{ Key: 'name', Values: ['node/batch/'] }] })) values.push(...page.SecretValues.map(v => v.SecretString));
assert.deepEqual(values, ['0', '1', '2', '3', '4']);
await assert.rejects(send(new BatchGetSecretValueCommand({})), InvalidParameterException);
console.log('ok');
