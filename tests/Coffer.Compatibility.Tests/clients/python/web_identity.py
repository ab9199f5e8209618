"""A token of a CI system in a file, and the SDK does the rest. Its arguments: the coffer executable, and a command
that is run with the same environment. Prints 'ok' at the end."""
import base64
import json
import os
import subprocess
import sys
import time

import boto3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

coffer = sys.argv[1]


def run(*arguments):
    subprocess.run([coffer, *arguments], check=True, stdout=sys.stderr)


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


key = ec.generate_private_key(ec.SECP256R1())
numbers = key.public_key().public_numbers()
with open("settings.json", "w") as file:
    json.dump({"jwks": {"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "x": text(numbers.x.to_bytes(32, "big")), "y": text(numbers.y.to_bytes(32, "big"))}]}, "algorithms": ["ES256"]}, file)


def token(subject):
    now = int(time.time())
    claims = {"iss": "https://ci.example", "aud": "sts.amazonaws.com", "sub": subject, "iat": now, "exp": now + 3600}
    signed = ".".join(text(json.dumps(part).encode()) for part in ({"alg": "ES256", "kid": "k1", "typ": "JWT"}, claims))
    r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{text(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


account = boto3.client("sts").get_caller_identity()["Account"]
run("principal", "create", "pipeline", "--home", "demo-dev")
run("grant", "create", "pipeline", "reader", "demo-dev")
run("trust", "create", "ci", "--kind", "web-token", "--issuer", "https://ci.example", "--audience", "sts.amazonaws.com", "--claim", "sub=repo:acme/shop", "--principal", "pipeline", "--settings", "settings.json")

with open("token", "w") as file:
    file.write(token("repo:acme/shop"))
for name in [n for n in os.environ if n.startswith("AWS_CONTAINER_")]:
    del os.environ[name]
os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"] = os.path.abspath("token")
os.environ["AWS_ROLE_ARN"] = f"arn:aws:iam::{account}:role/pipeline"
os.environ["AWS_ROLE_SESSION_NAME"] = "build-7"
session = boto3.Session()
assert session.get_credentials().method == "assume-role-with-web-identity"
assert session.client("sts").get_caller_identity()["Arn"].endswith(":assumed-role/pipeline/build-7")
assert session.client("secretsmanager").get_secret_value(SecretId="api-key")["SecretString"]
if len(sys.argv) > 2:
    subprocess.run([*sys.argv[2:], os.path.abspath("token")], check=True, stdout=sys.stderr)

with open("token", "w") as file:
    file.write(token("repo:acme/other"))
try:
    boto3.Session().client("secretsmanager").get_secret_value(SecretId="api-key")
    raise AssertionError("let another repository in")
except Exception as error:
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in str(error), error
print("ok")
