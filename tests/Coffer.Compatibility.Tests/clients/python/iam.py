"""A user, a role, a managed policy and a session of the role narrowed by a policy, set up and used as boto3 does. Its environment has
the server's address, and the key of one who administers the vault. Prints 'ok' at the end."""
import json
import os
import re

import boto3
from botocore.exceptions import ClientError

endpoint = os.environ["ENDPOINT"]


def client(service, key=None):
    named = {} if key is None else {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"], "aws_session_token": key.get("SessionToken")}
    return boto3.client(service, endpoint_url=endpoint, **named)


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def fails(code, pattern, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code and re.fullmatch(pattern, error.response["Error"]["Message"]), error.response["Error"]
        return
    raise AssertionError(f"{code} expected")


iam, sts, secrets = client("iam"), client("sts"), client("secretsmanager")
account = sts.get_caller_identity()["Account"]
one, two = (secrets.create_secret(Name=f"python/{name}", SecretString=name)["ARN"] for name in ("one", "two"))

# The user and its key; the role that it may assume, and what the role may.
assert iam.create_user(UserName="Python-User")["User"]["Arn"] == f"arn:aws:iam::{account}:user/Python-User"
key = iam.create_access_key(UserName="Python-User")["AccessKey"]
role = iam.create_role(RoleName="Python-Reader", MaxSessionDuration=7200, Tags=[{"Key": "team", "Value": "shop"}], AssumeRolePolicyDocument=policy(
    {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}))["Role"]
assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{account}:root"}, role
read = iam.create_policy(PolicyName="Python-Read", PolicyDocument=policy(allow("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:*:{account}:secret:python/*")))["Policy"]
iam.attach_role_policy(RoleName="Python-Reader", PolicyArn=read["Arn"])
assert iam.list_attached_role_policies(RoleName="Python-Reader")["AttachedPolicies"] == [{"PolicyName": "Python-Read", "PolicyArn": read["Arn"]}]
assert [r["RoleName"] for page in iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 1}) for r in page["Roles"]].count("Python-Reader") == 1

# A role whose trust names the account leaves it to the account's own policies.
user = client("sts", key)
session = dict(RoleArn=role["Arn"], RoleSessionName="s1")
fails("AccessDenied", f"User: arn:aws:iam::{account}:user/Python-User is not authorized to perform: sts:AssumeRole on resource: {role['Arn']}", user.assume_role, **session)
iam.put_user_policy(UserName="Python-User", PolicyName="assume", PolicyDocument=policy(allow(["sts:AssumeRole", "sts:TagSession"], role["Arn"])))
fails("AccessDenied", "User: .* is not authorized to perform: sts:AssumeRole .*", user.assume_role, **{**session, "RoleArn": role["Arn"] + "-never-was"})

whole = client("secretsmanager", user.assume_role(**session)["Credentials"])
assert whole.get_secret_value(SecretId="python/one")["SecretString"] == "one" and whole.get_secret_value(SecretId=two)["SecretString"] == "two"

# A session policy narrows, and gives nothing that the role has not.
narrowed = user.assume_role(**session, Policy=policy(allow("secretsmanager:*", one)), Tags=[{"Key": "project", "Value": "x"}])
assert 0 < narrowed["PackedPolicySize"] <= 100, narrowed["PackedPolicySize"]
narrow = client("secretsmanager", narrowed["Credentials"])
assert narrow.get_secret_value(SecretId="python/one")["SecretString"] == "one"
me = re.escape(f"User: arn:aws:sts::{account}:assumed-role/Python-Reader/s1 is not authorized to perform: secretsmanager:")
fails("AccessDeniedException", me + r"GetSecretValue on resource: python/two because no session policy allows the secretsmanager:GetSecretValue action", narrow.get_secret_value, SecretId="python/two")
fails("AccessDeniedException", me + r"DeleteSecret on resource: python/one because no identity-based policy allows the secretsmanager:DeleteSecret action", narrow.delete_secret, SecretId="python/one")
fails("MalformedPolicyDocument", ".*", user.assume_role, **session, Policy='{"Version": "2012-10-17"}')

# The secret's own policy: it is checked, kept as it came, and in force with the next request.
own = policy({"Effect": "Deny", "Action": "secretsmanager:GetSecretValue", "Resource": "*", "Principal": {"AWS": role["Arn"]}})
assert secrets.validate_resource_policy(SecretId="python/one", ResourcePolicy=own)["PolicyValidationPassed"]
public = policy(allow("secretsmanager:GetSecretValue", Principal="*"))
checks = secrets.validate_resource_policy(ResourcePolicy=public)
assert not checks["PolicyValidationPassed"] and checks["ValidationErrors"], checks
fails("PublicPolicyException", ".*", secrets.put_resource_policy, SecretId="python/one", ResourcePolicy=public, BlockPublicPolicy=True)
fails("MalformedPolicyDocumentException", ".*", secrets.put_resource_policy, SecretId="python/one", ResourcePolicy=own.replace("Python-Reader", "never-was"))
assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId="python/one")
assert secrets.put_resource_policy(SecretId="python/one", ResourcePolicy=own)["ARN"] == one
assert secrets.get_resource_policy(SecretId=one)["ResourcePolicy"] == own
fails("AccessDeniedException", me + r"GetSecretValue on resource: \S+ with an explicit deny in a resource-based policy", whole.get_secret_value, SecretId="python/one")
assert secrets.get_secret_value(SecretId="python/one")["SecretString"] == "one"
secrets.delete_resource_policy(SecretId="python/one")
assert whole.get_secret_value(SecretId="python/one")["SecretString"] == "one"

# What is in use is not removed; what is gone is gone for sessions that are running, too.
fails("DeleteConflict", ".*", iam.delete_policy, PolicyArn=read["Arn"])
fails("DeleteConflict", ".*", iam.delete_role, RoleName="Python-Reader")
fails("EntityAlreadyExists", ".*", iam.create_role, RoleName="Python-Reader", AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]))
iam.detach_role_policy(RoleName="Python-Reader", PolicyArn=read["Arn"])
fails("AccessDeniedException", me + ".*because no identity-based policy allows.*", whole.get_secret_value, SecretId="python/one")
iam.delete_policy(PolicyArn=read["Arn"])
iam.delete_role(RoleName="Python-Reader")
fails("UnrecognizedClientException", ".*", whole.get_secret_value, SecretId="python/one")
iam.delete_user_policy(UserName="Python-User", PolicyName="assume")
iam.delete_access_key(UserName="Python-User", AccessKeyId=key["AccessKeyId"])
iam.delete_user(UserName="Python-User")
fails("NoSuchEntity", ".*", iam.get_user, UserName="Python-User")
print("ok")
