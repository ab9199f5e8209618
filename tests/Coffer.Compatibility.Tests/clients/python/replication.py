"""Replicas as boto3 sees them: views of one secret under other regions. Prints 'ok' at the end."""
import boto3

primary, replica = (boto3.client("secretsmanager", region_name=region) for region in ("eu-west-1", "us-west-2"))
status = primary.create_secret(Name="py/replicated", SecretString="one", AddReplicaRegions=[{"Region": "us-west-2"}])["ReplicationStatus"]
assert [(s["Region"], s["Status"], s["KmsKeyId"]) for s in status] == [("us-west-2", "InSync", "alias/aws/secretsmanager")], status
assert replica.get_secret_value(SecretId="py/replicated")["ARN"].startswith("arn:aws:secretsmanager:us-west-2:")
assert replica.describe_secret(SecretId="py/replicated")["PrimaryRegion"] == "eu-west-1"
try:
    replica.put_secret_value(SecretId="py/replicated", SecretString="never")
    raise AssertionError("wrote to a replica")
except replica.exceptions.InvalidParameterException as error:
    assert "Call must be made in primary secret's region." in str(error), error
try:
    primary.delete_secret(SecretId="py/replicated")
    raise AssertionError("deleted a secret with replicas")
except primary.exceptions.InvalidParameterException as error:
    assert "You can't delete secret py/replicated that still has replica regions [us-west-2]" in str(error), error

primary.replicate_secret_to_regions(SecretId="py/replicated", AddReplicaRegions=[{"Region": "ap-south-1", "KmsKeyId": "alias/mine"}])
primary.put_secret_value(SecretId="py/replicated", SecretString="two")
assert replica.get_secret_value(SecretId="py/replicated")["SecretString"] == "two"
assert [s["Name"] for s in primary.list_secrets(Filters=[{"Key": "primary-region", "Values": ["eu-west-1"]}])["SecretList"]] == ["py/replicated"]
assert replica.stop_replication_to_replica(SecretId="py/replicated")["ARN"].split(":")[3] == "us-west-2"
replica.put_secret_value(SecretId="py/replicated", SecretString="three")
left = primary.remove_regions_from_replication(SecretId="py/replicated", RemoveReplicaRegions=["ap-south-1"])
assert left["ReplicationStatus"] == [], left
assert "PrimaryRegion" not in primary.describe_secret(SecretId="py/replicated")
primary.delete_secret(SecretId="py/replicated")
print("ok")
