// Replicas as the AWS SDK for JavaScript sees them: views of one secret under other regions. Prints 'ok' at the end.
import assert from 'node:assert/strict';
import {
  SecretsManagerClient, CreateSecretCommand, DescribeSecretCommand, GetSecretValueCommand, TagResourceCommand, DeleteSecretCommand,
  ReplicateSecretToRegionsCommand, RemoveRegionsFromReplicationCommand, StopReplicationToReplicaCommand, InvalidParameterException,
} from '@aws-sdk/client-secrets-manager';

const [primary, replica] = ['eu-west-1', 'us-west-2'].map(region => new SecretsManagerClient({ region }));
const SecretId = 'node/replicated';
await primary.send(new CreateSecretCommand({ Name: SecretId, SecretString: 'one' }));
const own = new ReplicateSecretToRegionsCommand({ SecretId, AddReplicaRegions: [{ Region: 'eu-west-1' }] });
await assert.rejects(primary.send(own), error => error instanceof InvalidParameterException && error.message === 'Invalid replica region.');
const added = await primary.send(new ReplicateSecretToRegionsCommand({ SecretId, AddReplicaRegions: [{ Region: 'us-west-2', KmsKeyId: 'alias/west' }, { Region: 'sa-east-1' }] }));
assert.deepEqual(added.ReplicationStatus.map(s => [s.Region, s.KmsKeyId, s.Status, s.StatusMessage]), [
  ['sa-east-1', 'alias/aws/secretsmanager', 'InSync', 'Replication succeeded'], ['us-west-2', 'alias/west', 'InSync', 'Replication succeeded']]);
const seen = await replica.send(new DescribeSecretCommand({ SecretId }));
assert.deepEqual([seen.PrimaryRegion, seen.KmsKeyId, seen.ReplicationStatus], ['eu-west-1', 'alias/west', undefined]);
assert.equal((await replica.send(new GetSecretValueCommand({ SecretId }))).SecretString, 'one');
await assert.rejects(replica.send(new TagResourceCommand({ SecretId, Tags: [{ Key: 'a', Value: 'b' }] })), InvalidParameterException);
await replica.send(new StopReplicationToReplicaCommand({ SecretId }));
await replica.send(new TagResourceCommand({ SecretId, Tags: [{ Key: 'a', Value: 'b' }] }));
await assert.rejects(primary.send(new DeleteSecretCommand({ SecretId })), /still has replica regions \[sa-east-1\]/);
await primary.send(new RemoveRegionsFromReplicationCommand({ SecretId, RemoveReplicaRegions: ['sa-east-1'] }));
await primary.send(new DeleteSecretCommand({ SecretId }));
console.log('ok');
