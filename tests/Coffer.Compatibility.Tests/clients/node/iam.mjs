// A user, a role, a managed policy and a session of the role narrowed by a policy, set up and used by the AWS SDK for JavaScript. Its
// environment has the server's address, and the key of one who administers the vault. Prints 'ok' at the end.
import assert from 'node:assert/strict';
import { IAM } from '@aws-sdk/client-iam';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { STS } from '@aws-sdk/client-sts';

const endpoint = process.env.ENDPOINT;
const keyOf = k => ({ accessKeyId: k.AccessKeyId, secretAccessKey: k.SecretAccessKey, sessionToken: k.SessionToken });
const iam = new IAM({ endpoint }), sts = new STS({ endpoint }), secrets = new SecretsManager({ endpoint });
const policy = (...Statement) => JSON.stringify({ Version: '2012-10-17', Statement });
const allow = (Action, Resource = '*') => ({ Effect: 'Allow', Action, Resource });
const fails = (call, name, text) => assert.rejects(call, e => (assert.ok(e.name === name && text.test(e.message), `${e.name}: ${e.message}`), true));

const { Account } = await sts.getCallerIdentity({});
const { ARN: one } = await secrets.createSecret({ Name: 'node/one', SecretString: 'one' });
await secrets.createSecret({ Name: 'node/two', SecretString: 'two' });

const { User } = await iam.createUser({ UserName: 'Node-User' });
assert.equal(User.Arn, `arn:aws:iam::${Account}:user/Node-User`);
const { AccessKey } = await iam.createAccessKey({ UserName: 'Node-User' });
const { Role } = await iam.createRole({
  RoleName: 'Node-Reader',
  AssumeRolePolicyDocument: policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: User.Arn } }),
});
assert.ok(Role.CreateDate instanceof Date);
const { Policy } = await iam.createPolicy({ PolicyName: 'Node-Read', PolicyDocument: policy(allow('secretsmanager:GetSecretValue', `arn:aws:secretsmanager:*:${Account}:secret:node/*`)) });
await iam.attachRolePolicy({ RoleName: 'Node-Reader', PolicyArn: Policy.Arn });
assert.deepEqual((await iam.listAttachedRolePolicies({ RoleName: 'Node-Reader' })).AttachedPolicies, [{ PolicyName: 'Node-Read', PolicyArn: Policy.Arn }]);
const { PolicyVersion } = await iam.getPolicyVersion({ PolicyArn: Policy.Arn, VersionId: 'v1' });
assert.equal(JSON.parse(decodeURIComponent(PolicyVersion.Document)).Statement[0].Effect, 'Allow');

// The trust names the user, which needs no policy of its own for it; nobody else may have the role.
const session = { RoleArn: Role.Arn, RoleSessionName: 's1' };
await fails(sts.assumeRole(session), 'AccessDenied', /is not authorized to perform: sts:AssumeRole on resource: /);
const user = new STS({ endpoint, credentials: keyOf(AccessKey) });
const whole = new SecretsManager({ endpoint, credentials: keyOf((await user.assumeRole(session)).Credentials) });
assert.equal((await whole.getSecretValue({ SecretId: 'node/two' })).SecretString, 'two');
const { Credentials } = await user.assumeRole({ ...session, Policy: policy(allow('secretsmanager:GetSecretValue', one)) });
const narrow = new SecretsManager({ endpoint, credentials: keyOf(Credentials) });
assert.equal((await narrow.getSecretValue({ SecretId: 'node/one' })).SecretString, 'one');
const me = `User: arn:aws:sts::${Account}:assumed-role/Node-Reader/s1 is not authorized to perform: secretsmanager:GetSecretValue on resource: `;
await fails(narrow.getSecretValue({ SecretId: 'node/two' }), 'AccessDeniedException', new RegExp(`^${me}node/two because no session policy allows the secretsmanager:GetSecretValue action$`));

// The secret's own policy.
const ResourcePolicy = policy({ Effect: 'Deny', Action: 'secretsmanager:GetSecretValue', Resource: '*', Principal: { AWS: Role.Arn } });
assert.equal((await secrets.validateResourcePolicy({ SecretId: 'node/one', ResourcePolicy })).PolicyValidationPassed, true);
const everybody = policy({ ...allow('secretsmanager:GetSecretValue'), Principal: '*' });
assert.equal((await secrets.validateResourcePolicy({ ResourcePolicy: everybody })).PolicyValidationPassed, false);
await fails(secrets.putResourcePolicy({ SecretId: 'node/one', ResourcePolicy: everybody, BlockPublicPolicy: true }), 'PublicPolicyException', /./);
await fails(secrets.putResourcePolicy({ SecretId: 'node/one', ResourcePolicy: '{}' }), 'MalformedPolicyDocumentException', /./);
await secrets.putResourcePolicy({ SecretId: 'node/one', ResourcePolicy });
assert.equal((await secrets.getResourcePolicy({ SecretId: one })).ResourcePolicy, ResourcePolicy);
await fails(whole.getSecretValue({ SecretId: 'node/one' }), 'AccessDeniedException', new RegExp(`^${me}\\S+ with an explicit deny in a resource-based policy$`));
await secrets.deleteResourcePolicy({ SecretId: 'node/one' });
assert.equal((await whole.getSecretValue({ SecretId: 'node/one' })).SecretString, 'one');

await fails(iam.deleteRole({ RoleName: 'Node-Reader' }), 'DeleteConflictException', /./);
await iam.detachRolePolicy({ RoleName: 'Node-Reader', PolicyArn: Policy.Arn });
await iam.deletePolicy({ PolicyArn: Policy.Arn });
await iam.deleteRole({ RoleName: 'Node-Reader' });
await iam.deleteAccessKey({ UserName: 'Node-User', AccessKeyId: AccessKey.AccessKeyId });
await iam.deleteUser({ UserName: 'Node-User' });
await fails(iam.getUser({ UserName: 'Node-User' }), 'NoSuchEntityException', /./);
console.log('ok');
