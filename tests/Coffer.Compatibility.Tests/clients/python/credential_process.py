"""A profile that stores no key: its credential_process is the coffer executable, the argument. Prints 'ok' at the end."""
import os
import subprocess
import sys

import boto3

coffer, node = sys.argv[1:]
subprocess.run([coffer, "principal", "create", "profile-app", "--home", "demo-dev"], check=True, stdout=sys.stderr)
subprocess.run([coffer, "grant", "create", "profile-app", "reader", "demo-dev"], check=True, stdout=sys.stderr)
with open("config", "w") as file:
    # botocore asks anew when less than a quarter of an hour is left: so at every call for a key that lasts no longer.
    file.write(f"[default]\ncredential_process = {coffer} aws-credentials --as profile-app --seconds 900\n")
for name in [n for n in os.environ if n.startswith("AWS_CONTAINER_")]:
    del os.environ[name]
os.environ["AWS_CONFIG_FILE"] = os.path.abspath("config")

session = boto3.Session()
credentials = session.get_credentials()
assert credentials.method == "custom-process", credentials.method
client, keys = session.client("secretsmanager"), []
client.meta.events.register("before-send.secrets-manager", lambda request, **_: keys.append(request.headers["Authorization"].decode().split("Credential=")[1].split("/")[0]))
for _ in range(2):
    assert client.get_secret_value(SecretId="api-key")["SecretString"]
assert len(set(keys)) == 2 and all(key.startswith("ASIA") for key in keys), keys
assert session.client("sts").get_caller_identity()["Arn"].endswith(":assumed-role/profile-app/coffer-aws-credentials")

aws = ["/usr/bin/aws", "secretsmanager", "get-secret-value", "--secret-id", "api-key", "--query", "Name", "--output", "text"]
assert subprocess.run(aws, check=True, capture_output=True, text=True).stdout.strip() == "api-key"
assert subprocess.run(["node", node], check=True, capture_output=True, text=True).stdout.strip() == "ok"

# What the command says of a refusal reaches whoever reads the SDK's error.
with open("config", "w") as file:
    file.write(f"[default]\ncredential_process = {coffer} aws-credentials --as nobody-here\n")
try:
    boto3.Session().client("secretsmanager").get_secret_value(SecretId="api-key")
    raise AssertionError("had a key of nobody")
except Exception as error:
    assert "coffer: " in str(error), error
print("ok")
