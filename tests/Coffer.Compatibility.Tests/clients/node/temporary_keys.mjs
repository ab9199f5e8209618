// Keys for a while by STS, as the AWS SDK for JavaScript gets and uses them. Prints 'ok' at the end.
import assert from 'node:assert/strict';
import { SecretsManagerClient, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { STSClient, GetCallerIdentityCommand, AssumeRoleCommand } from '@aws-sdk/client-sts';

const sts = new STSClient({});
const me = await sts.send(new GetCallerIdentityCommand({}));
const role = 'deployer';
const RoleArn = `arn:aws:iam::${me.Account}:role/${role}`;
const { Credentials, AssumedRoleUser } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'for-a-while' }));
assert.equal(AssumedRoleUser.Arn, `arn:aws:sts::${me.Account}:assumed-role/${role}/for-a-while`);
assert.ok(Credentials.Expiration instanceof Date && Math.abs(Credentials.Expiration - Date.now() - 3600_000) < 60_000);
const credentials = { accessKeyId: Credentials.AccessKeyId, secretAccessKey: Credentials.SecretAccessKey, sessionToken: Credentials.SessionToken };
const client = new SecretsManagerClient({ credentials });
assert.ok((await client.send(new GetSecretValueCommand({ SecretId: 'api-key' }))).SecretString);
await assert.rejects(sts.send(new AssumeRoleCommand({ RoleArn: RoleArn + '-never-was', RoleSessionName: 's1' })), e => e.name === 'AccessDenied');
await assert.rejects(sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 's1', Policy: '{}' })), e => e.name === 'MalformedPolicyDocumentException' || e.name === 'MalformedPolicyDocument');
console.log('ok');
