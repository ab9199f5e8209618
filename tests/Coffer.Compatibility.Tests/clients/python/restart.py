"""Clients of three languages over TLS against one data directory, served by one process and then by another: environment only, as
docs/aws.md says. Arguments: the coffer executable, the folder of clients, the .NET client. Prints 'ok' at the end."""
import json
import os
import socket
import subprocess
import sys
import time

import boto3

coffer, clients, dotnet = sys.argv[1:]
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
address = f"https://127.0.0.1:{port}"
here = os.getcwd()
data, ca = os.path.join(here, "data"), os.path.join(here, "data", "tls", "ca.pem")
os.environ["COFFER_SOCKET"] = os.path.join(data, "coffer.sock")


def run(*arguments):
    return subprocess.run([coffer, *arguments], check=True, capture_output=True, text=True).stdout


def serve():
    process = subprocess.Popen([coffer, "serve", "--data", data, "--listen", f"127.0.0.1:{port}"], stdout=sys.stderr)
    for _ in range(600):
        if process.poll() is not None:
            raise AssertionError("the server ended")
        try:
            run("vault", "list")
            return process
        except subprocess.CalledProcessError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")


# The file of docs/aws.md for SDKs that know no endpoint variable.
parameters = {name: {"builtIn": built, "required": required, "documentation": "", "type": kind, **({"default": False} if required else {})} for name, built, required, kind in (
    ("Region", "AWS::Region", False, "String"), ("UseDualStack", "AWS::UseDualStack", True, "Boolean"),
    ("UseFIPS", "AWS::UseFIPS", True, "Boolean"), ("Endpoint", "SDK::Endpoint", False, "String"))}
for service in ("secretsmanager/2017-10-17", "sts/2011-06-15"):
    os.makedirs(os.path.join("aws-data", service))
    with open(os.path.join("aws-data", service, "endpoint-rule-set-1.json"), "w") as file:
        json.dump({"version": "1.0", "parameters": parameters, "rules": [{"conditions": [], "type": "endpoint", "endpoint": {"url": address + "/", "properties": {}, "headers": {}}}]}, file)

run("init", "--data", data, "--listen", f"127.0.0.1:{port}")
server = serve()
try:
    run("vault", "create", "shop-dev")
    run("principal", "create", "shop-api", "--home", "shop-dev")
    run("grant", "create", "shop-api", "admin", "shop-dev")
    key = json.loads(run("key", "create", "shop-api", "--kind", "access-key", "--json"))
    os.environ.update({
        "AWS_ACCESS_KEY_ID": key["credential"]["id"], "AWS_SECRET_ACCESS_KEY": key["secret"], "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": address, "AWS_ENDPOINT_URL_SECRETS_MANAGER": address, "AWS_DATA_PATH": os.path.abspath("aws-data"),
        "AWS_CA_BUNDLE": ca, "NODE_EXTRA_CA_CERTS": ca, "SSL_CERT_FILE": ca, "AWS_EC2_METADATA_DISABLED": "true",
    })
    for name in ("api-key", "second", "third"):
        boto3.client("secretsmanager").create_secret(Name=name, SecretString="kept")
    session = boto3.client("sts").get_session_token(DurationSeconds=900)["Credentials"]
    temporary = dict(os.environ, AWS_ACCESS_KEY_ID=session["AccessKeyId"], AWS_SECRET_ACCESS_KEY=session["SecretAccessKey"], AWS_SESSION_TOKEN=session["SessionToken"])

    def clients_of_all_languages():
        scripts = [["/usr/bin/python3", os.path.join(clients, "python", "life_of_a_secret.py")], ["node", os.path.join(clients, "node", "life_of_a_secret.mjs")]]
        for command, environment in [*((s, os.environ) for s in scripts), (["dotnet", dotnet, "session"], os.environ), (["dotnet", dotnet], temporary)]:
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            assert done.returncode == 0 and done.stdout.strip().endswith("ok"), (command, done.stderr)
        same = boto3.Session(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
        assert same.client("secretsmanager").get_secret_value(SecretId="api-key")["SecretString"] == "kept"

    clients_of_all_languages()
    server.terminate()
    server.wait()
    server = serve()
    # What the scripts left is in the way of their second run.
    client = boto3.client("secretsmanager")
    for name in [s["Name"] for page in client.get_paginator("list_secrets").paginate() for s in page["SecretList"]]:
        if name not in ("api-key", "second", "third"):
            client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    clients_of_all_languages()
finally:
    server.terminate()
    server.wait()
print("ok")
