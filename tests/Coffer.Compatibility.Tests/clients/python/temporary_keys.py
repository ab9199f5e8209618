"""Keys for a while by STS, as boto3 and its assume-role profile get and use them. Prints 'ok' at the end."""
import os
import tempfile

import boto3
from botocore.exceptions import ClientError

sts = boto3.client("sts")
me = sts.get_caller_identity()
role = "deployer"
arn = f"arn:aws:iam::{me['Account']}:role/{role}"
answer = sts.assume_role(RoleArn=arn, RoleSessionName="for-a-while", DurationSeconds=900)
assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{me['Account']}:assumed-role/{role}/for-a-while", answer["AssumedRoleUser"]
keys = answer["Credentials"]
assert keys["AccessKeyId"].startswith("ASIA") and len(keys["SecretAccessKey"]) == 40
session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
assert session.client("sts").get_caller_identity()["Arn"].endswith("/for-a-while")
assert session.client("secretsmanager").get_secret_value(SecretId="api-key")["SecretString"]

for arguments in ({"RoleArn": arn[:-1] + "x", "RoleSessionName": "s1"}, {"RoleArn": arn.replace(me["Account"], "123456789012"), "RoleSessionName": "s1"}):
    try:
        sts.assume_role(**arguments)
        raise AssertionError("assumed what is not there")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied" and "sts:AssumeRole" in error.response["Error"]["Message"], error.response["Error"]

# The profile that every AWS tool knows: the SDK asks by itself.
with tempfile.NamedTemporaryFile("w") as config:
    config.write(f"[profile deploy]\nrole_arn = {arn}\ncredential_source = EcsContainer\nrole_session_name = from-profile\n")
    config.flush()
    os.environ["AWS_CONFIG_FILE"] = config.name
    profile = boto3.Session(profile_name="deploy")
    assert profile.client("sts").get_caller_identity()["Arn"].endswith("/from-profile")
    assert profile.client("secretsmanager").get_secret_value(SecretId="api-key")["SecretString"]
print("ok")
