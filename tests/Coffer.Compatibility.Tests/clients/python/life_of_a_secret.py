"""One secret from creation to force deletion, as boto3 sees it. Prints 'ok' at the end."""
import uuid

import boto3
from botocore.exceptions import ClientError

client = boto3.client("secretsmanager")


def fails(code, text, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response["Error"]
        assert text in error.response["Error"]["Message"], error.response["Error"]
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error.response["ResponseMetadata"]
        return
    raise AssertionError(f"{code} expected")


name = "life/of-a_secret+1"
first = str(uuid.uuid4())
created = client.create_secret(Name=name, SecretString="one", ClientRequestToken=first, Description="a word", Tags=[{"Key": "team", "Value": "red"}])
assert created["Name"] == name and created["VersionId"] == first
arn = created["ARN"]
assert arn.startswith("arn:aws:secretsmanager:") and arn[:-7].endswith(":secret:" + name), arn

# The same again is a repeat; another value under the token, or another token, is a conflict.
assert client.create_secret(Name=name, SecretString="one", ClientRequestToken=first)["VersionId"] == first
fails("ResourceExistsException", "already in use for a version", client.create_secret, Name=name, SecretString="two", ClientRequestToken=first)
fails("ResourceExistsException", "already exists", client.create_secret, Name=name, SecretString="one")

# By name, whole ARN and partial ARN.
for identifier in (name, arn, arn[:-7]):
    answer = client.get_secret_value(SecretId=identifier)
    assert answer["SecretString"] == "one" and answer["VersionStages"] == ["AWSCURRENT"] and "SecretBinary" not in answer, answer

second = client.put_secret_value(SecretId=name, SecretBinary=b"\x00\xfftwo")
assert second["VersionStages"] == ["AWSCURRENT"]
assert client.get_secret_value(SecretId=name)["SecretBinary"] == b"\x00\xfftwo"
previous = client.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")
assert previous["VersionId"] == first and previous["SecretString"] == "one"
assert client.get_secret_value(SecretId=name, VersionId=first)["VersionStages"] == ["AWSPREVIOUS"]
fails("InvalidRequestException", "not associated", client.get_secret_value, SecretId=name, VersionId=first, VersionStage="AWSCURRENT")
fails("ResourceNotFoundException", "for staging label: NOPE", client.get_secret_value, SecretId=name, VersionStage="NOPE")
fails("ResourceNotFoundException", "can't find the specified secret.", client.get_secret_value, SecretId="no-such")
fails("ValidationException", "Invalid name", client.get_secret_value, SecretId="not a name")

# A version under labels of its own does not become current.
staged = client.put_secret_value(SecretId=name, SecretString="three", VersionStages=["AWSPENDING", "mine"])
assert sorted(staged["VersionStages"]) == ["AWSPENDING", "mine"]
described = client.describe_secret(SecretId=name)
stages = {version: sorted(labels) for version, labels in described["VersionIdsToStages"].items()}
assert stages == {first: ["AWSPREVIOUS"], second["VersionId"]: ["AWSCURRENT"], staged["VersionId"]: ["AWSPENDING", "mine"]}, stages
assert described["Description"] == "a word" and described["Tags"] == [{"Key": "team", "Value": "red"}], described
assert described["LastAccessedDate"].hour == 0 and "KmsKeyId" not in described and "RotationEnabled" not in described

listed = [secret for page in client.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 2}) for secret in page["SecretList"]]
assert name in [secret["Name"] for secret in listed]
assert len({secret["Name"] for secret in listed}) == len(listed) >= 3
found = client.list_secrets(Filters=[{"Key": "tag-key", "Values": ["team"]}])["SecretList"]
assert [secret["Name"] for secret in found] == [name], found

# Scheduled for deletion: described, not read, not created over; then restored.
deleted = client.delete_secret(SecretId=name, RecoveryWindowInDays=7)
assert deleted["DeletionDate"]
assert "DeletedDate" in client.describe_secret(SecretId=name)
fails("InvalidRequestException", "marked for deletion", client.get_secret_value, SecretId=name)
fails("InvalidRequestException", "scheduled for deletion", client.create_secret, Name=name, SecretString="x")
assert name not in [secret["Name"] for secret in client.list_secrets()["SecretList"]]
assert client.restore_secret(SecretId=name)["ARN"] == arn
assert client.get_secret_value(SecretId=name)["VersionId"] == second["VersionId"]
fails("InvalidParameterException", "between 7 and 30 days", client.delete_secret, SecretId=name, RecoveryWindowInDays=3)

client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
fails("ResourceNotFoundException", "can't find", client.describe_secret, SecretId=name)
client.delete_secret(SecretId="never-was", ForceDeleteWithoutRecovery=True)
again = client.create_secret(Name=name, SecretString="four")
assert again["ARN"] != arn

# Limits that the client does not check.
fails("ValidationException", "less than or equal to 65536", client.put_secret_value, SecretId=name, SecretString="x" * 65537)
client.put_secret_value(SecretId=name, SecretString="x" * 65536)

identity = boto3.client("sts").get_caller_identity()
assert identity["Account"] == arn.split(":")[4] and identity["Arn"].startswith("arn:aws:"), identity
print("ok")
