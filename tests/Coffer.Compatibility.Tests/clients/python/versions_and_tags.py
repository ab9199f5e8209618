"""Versions, stages, tags and random passwords, as boto3 sees them. Prints 'ok' at the end."""
import string

import boto3
from botocore.exceptions import ClientError

client = boto3.client("secretsmanager")


def fails(code, text, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response["Error"]
        assert text in error.response["Error"]["Message"], error.response["Error"]
        return
    raise AssertionError(f"{code} expected")


name = "versions/and-tags"
first = client.create_secret(Name=name, SecretString="one")["VersionId"]

# Metadata alone makes no version; a value does, and both go together.
assert "VersionId" not in client.update_secret(SecretId=name, Description="about versions")
second = client.update_secret(SecretId=name, SecretString="two", Description="still about versions")["VersionId"]
assert client.get_secret_value(SecretId=name)["SecretString"] == "two"
assert client.describe_secret(SecretId=name)["Description"] == "still about versions"
assert client.update_secret(SecretId=name, SecretString="two", ClientRequestToken=second)["VersionId"] == second
fails("ResourceExistsException", "already in use for a version", client.update_secret, SecretId=name, SecretString="other", ClientRequestToken=second)

# The documented roll-back: the current label moves, the previous one follows.
fails("InvalidParameterException", f"currently attached to version {second}", client.update_secret_version_stage, SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=first)
client.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=first, RemoveFromVersionId=second)
assert client.get_secret_value(SecretId=name)["SecretString"] == "one"
assert client.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"] == "two"
client.update_secret_version_stage(SecretId=name, VersionStage="canary", MoveToVersionId=second)
client.update_secret_version_stage(SecretId=name, VersionStage="canary", RemoveFromVersionId=second)
fails("InvalidParameterException", "completely removed", client.update_secret_version_stage, SecretId=name, VersionStage="AWSCURRENT", RemoveFromVersionId=first)

# Versions without a label are listed only when asked for.
third = client.put_secret_value(SecretId=name, SecretString="three")["VersionId"]
listed = client.list_secret_version_ids(SecretId=name)
assert [sorted(v["VersionStages"]) for v in listed["Versions"]] == [["AWSCURRENT"], ["AWSPREVIOUS"]], listed
assert all(v["KmsKeyIds"] == ["DefaultEncryptionKey"] for v in listed["Versions"]), listed
seen, token = [], {}
while True:
    page = client.list_secret_version_ids(SecretId=name, IncludeDeprecated=True, MaxResults=2, **token)
    seen += [v["VersionId"] for v in page["Versions"]]
    if "NextToken" not in page:
        break
    token = {"NextToken": page["NextToken"]}
assert seen == [third, second, first], seen

client.tag_resource(SecretId=name, Tags=[{"Key": "team", "Value": "red"}, {"Key": "stage", "Value": "dev"}])
client.tag_resource(SecretId=name, Tags=[{"Key": "team", "Value": "blue"}])
assert {t["Key"]: t["Value"] for t in client.describe_secret(SecretId=name)["Tags"]} == {"team": "blue", "stage": "dev"}
client.untag_resource(SecretId=name, TagKeys=["team", "stage", "never"])
assert client.describe_secret(SecretId=name)["Tags"] == []

password = client.get_random_password()["RandomPassword"]
assert len(password) == 32 and all(any(c in kind for c in password) for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation))
plain = client.get_random_password(PasswordLength=200, ExcludePunctuation=True, ExcludeCharacters="0O1lI")["RandomPassword"]
assert len(plain) == 200 and plain.isalnum() and not set(plain) & set("0O1lI")
fails("InvalidParameterException", "too short", client.get_random_password, PasswordLength=3)

client.delete_secret(SecretId=name)
for call, arguments in ((client.update_secret, {"Description": "x"}), (client.tag_resource, {"Tags": [{"Key": "a", "Value": "b"}]}), (client.untag_resource, {"TagKeys": ["a"]})):
    fails("InvalidRequestException", "marked for deletion", call, SecretId=name, **arguments)
assert client.list_secret_version_ids(SecretId=name)["ARN"] == listed["ARN"]
print("ok")
