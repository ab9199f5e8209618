"""Rotates a password: a function for AWS Secrets Manager, which Coffer calls in the same four steps.

The secret is a JSON object with a member "password". setSecret and testSecret are where your database or service comes in;
here they know none, and testSecret only checks that the new password is a new one.
"""
import json
import os

import boto3

PENDING, CURRENT = "AWSPENDING", "AWSCURRENT"


def lambda_handler(event, context):
    """Does one step. `event` has Step, SecretId (an ARN) and ClientRequestToken (the version to work on)."""
    secrets = boto3.client("secretsmanager", endpoint_url=os.environ.get("SECRETS_MANAGER_ENDPOINT"))
    secret, version, step = event["SecretId"], event["ClientRequestToken"], event["Step"]

    described = secrets.describe_secret(SecretId=secret)
    stages = described["VersionIdsToStages"].get(version)
    if stages is None:
        raise ValueError("the version is not one of this secret")
    if step != "testSecret" and CURRENT in stages:
        return  # done before, by a call whose answer was lost
    if PENDING not in stages:
        raise ValueError("the version is not the one to be made current")

    if step == "createSecret":
        create(secrets, secret, version)
    elif step == "setSecret":
        tell(read(secrets, secret, CURRENT), read(secrets, secret, PENDING, version))
    elif step == "testSecret":
        test(read(secrets, secret, PENDING, version))
    elif step == "finishSecret":
        finish(secrets, secret, version, described)
    else:
        raise ValueError("not a step of a rotation")


def create(secrets, secret, version):
    """Puts a new password on the version, unless an earlier call did."""
    value = read(secrets, secret, CURRENT)
    try:
        read(secrets, secret, PENDING, version)
    except secrets.exceptions.ResourceNotFoundException:
        value["password"] = secrets.get_random_password(PasswordLength=24, ExcludePunctuation=True)["RandomPassword"]
        secrets.put_secret_value(SecretId=secret, ClientRequestToken=version, SecretString=json.dumps(value), VersionStages=[PENDING])


def tell(current, pending):
    """Tells the system the new password: log in to it with `current`, change the password to `pending`'s."""


def test(pending):
    """Tries to log in to the system with the new password."""
    if len(pending["password"]) < 12:
        raise ValueError("the password is too short")


def finish(secrets, secret, version, described):
    """Makes the version current; the one that was is the previous then."""
    current = next(v for v, stages in described["VersionIdsToStages"].items() if CURRENT in stages)
    secrets.update_secret_version_stage(SecretId=secret, VersionStage=CURRENT, MoveToVersionId=version, RemoveFromVersionId=current)


def read(secrets, secret, stage, version=None):
    named = {"VersionId": version} if version else {}
    return json.loads(secrets.get_secret_value(SecretId=secret, VersionStage=stage, **named)["SecretString"])
