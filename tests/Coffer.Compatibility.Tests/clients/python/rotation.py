"""Rotation on a server that stays, over TLS: by the program of examples/rotation-python, by a hook that this script is, asked for by
boto3 and by the AWS SDK for JavaScript. Arguments: the coffer executable, the repository, node. Prints 'ok' at the end."""
import datetime
import http.server
import json
import os
import queue
import re
import shutil
import signal
import ssl
import subprocess
import sys
import threading

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

coffer, repository, node = sys.argv[1:4]
here = os.getcwd()
os.chmod(here, 0o700)
data = os.path.join(here, "data")
example = os.path.join(here, "example")
shutil.copytree(os.path.join(repository, "examples", "rotation-python"), example)
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:"
WAIT = 90

# A hook's certificate of an authority of its own.
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook")])
now = datetime.datetime.utcnow()
certificate = (
    x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    .not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + datetime.timedelta(days=1))
    .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
    .add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
)
with open("hook.pem", "wb") as file:
    file.write(certificate.public_bytes(serialization.Encoding.PEM))
with open("hook.key", "wb") as file:
    file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
with open("hook.token", "w") as file:
    file.write("token-of-the-hook\n")

hook_calls, fails = [], []


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        hook_calls.append((event["Step"], self.headers["Authorization"], self.headers["Content-Type"]))
        status = 204
        try:
            if fails and fails[0] == event["Step"]:
                fails.pop(0)
                raise RuntimeError
            rotate_password.lambda_handler(event, None)
        except Exception:
            status = 500
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("hook.pem", "hook.key")
hook.socket = context.wrap_socket(hook.socket, server_side=True)
threading.Thread(target=hook.serve_forever, daemon=True).start()

with open(os.path.join(example, "functions.json")) as file:
    functions = json.load(file)
functions["retrySeconds"] = functions["longestRetrySeconds"] = 1
functions["functions"]["rotate-password"]["environment"] = {"STAND_IN": "yes"}
# A wrapper that fails once, and prints what nobody may see.
with open(os.path.join(example, "stubborn.py"), "w") as file:
    file.write('''import json, os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rotate_password
def lambda_handler(event, context):
    assert "HOME" in os.environ and not [n for n in os.environ if n.startswith("COFFER")]
    mark = os.path.join(os.environ["MARKS"], event["Step"])
    if event["Step"] == "setSecret" and not os.path.exists(mark):
        open(mark, "w").close()
        print("S3cr3t on the output", flush=True)
        raise RuntimeError("S3cr3t in the error")
    rotate_password.lambda_handler(event, context)
''')
marks = os.path.join(here, "marks")
os.mkdir(marks)
functions["functions"]["stubborn"] = dict(functions["functions"]["rotate-password"], run=["/usr/bin/python3", "run.py", "stubborn.py"], environment={"MARKS": marks})
functions["functions"]["hook:live"] = {
    "url": f"https://localhost:{hook.server_port}/rotate", "certificateAuthority": os.path.join(here, "hook.pem"),
    "tokenFile": os.path.join(here, "hook.token"), "vaults": ["shop-dev"],
}
functions["functions"]["untrusted"] = {"url": f"https://localhost:{hook.server_port}/rotate", "vaults": ["shop-dev"]}
with open(os.path.join(example, "functions.json"), "w") as file:
    json.dump(functions, file)


def run(*arguments):
    return subprocess.run([coffer, *arguments], check=True, stdout=subprocess.PIPE, env=dict(os.environ, COFFER_SOCKET=os.path.join(data, "coffer.sock"))).stdout.decode()


run("init", "--data", data)
log = open("log", "w+")
server = subprocess.Popen([coffer, "serve", "--data", data, "--listen", "127.0.0.1:0", "--functions", os.path.join(example, "functions.json")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
try:
    for line in server.stdout:
        log.write(line.decode())
        if match := re.search(r"serving on (https://[^,]+),", line.decode()):
            endpoint = match.group(1)
            break
    else:
        log.seek(0)
        raise AssertionError(log.read())
    threading.Thread(target=lambda: [log.write(line.decode()) for line in server.stdout], daemon=True).start()

    run("vault", "create", "shop-dev")
    for principal, role in (("rotator", "writer"), ("owner", "admin")):
        run("principal", "create", principal, "--home", "shop-dev")
        run("grant", "create", principal, role, "shop-dev")
    keys = {}
    for principal in ("owner", "rotator"):
        issued = json.loads(run("key", "create", principal, "--json"))
        keys[principal] = (issued["credential"]["id"], issued["secret"])
    ca = os.path.join(data, "tls", "ca.pem")


    def client(principal):
        return boto3.client("secretsmanager", region_name="eu-west-1", endpoint_url=endpoint, verify=ca, aws_access_key_id=keys[principal][0], aws_secret_access_key=keys[principal][1])


    # The hook has a key of its own, and the example's code finds the rest in its environment, as in a Lambda.
    os.environ.update(AWS_ACCESS_KEY_ID=keys["rotator"][0], AWS_SECRET_ACCESS_KEY=keys["rotator"][1], AWS_DEFAULT_REGION="eu-west-1", SECRETS_MANAGER_ENDPOINT=endpoint, AWS_CA_BUNDLE=ca)
    sys.path.insert(0, example)
    import rotate_password

    owner = client("owner")


    def value(secret, stage="AWSCURRENT"):
        return json.loads(owner.get_secret_value(SecretId=secret, VersionStage=stage)["SecretString"])


    # Every record of the trail as it comes: what is waited for is asked again after each.
    tail = subprocess.Popen([coffer, "audit", "tail", "--follow", "--json"], stdout=subprocess.PIPE, env=dict(os.environ, COFFER_SOCKET=os.path.join(data, "coffer.sock")))
    records = queue.Queue()
    threading.Thread(target=lambda: [records.put(line) for line in tail.stdout], daemon=True).start()


    def until(secret, holds):
        while not holds(described := owner.describe_secret(SecretId=secret)):
            while b"RotateSecret" not in records.get(timeout=WAIT):
                pass
        return described


    # By the program, at once.
    first = owner.create_secret(Name="shop/db", SecretString='{"user":"shop","password":"the first one"}')
    token = "11111111-2222-4333-8444-555555555555"
    rotated = owner.rotate_secret(SecretId="shop/db", ClientRequestToken=token, RotationLambdaARN=ARN + "rotate-password", RotationRules={"AutomaticallyAfterDays": 30})
    assert (rotated["Name"], rotated["VersionId"]) == ("shop/db", token), rotated
    described = until("shop/db", lambda d: "LastRotatedDate" in d)
    assert described["RotationEnabled"] and described["RotationRules"] == {"AutomaticallyAfterDays": 30}, described
    assert described["VersionIdsToStages"][first["VersionId"]] == ["AWSPREVIOUS"], described
    assert sorted(described["VersionIdsToStages"][token]) == ["AWSCURRENT", "AWSPENDING"], described
    assert value("shop/db")["user"] == "shop" and len(value("shop/db")["password"]) == 24
    assert value("shop/db", "AWSPREVIOUS")["password"] == "the first one"

    # A test alone moves nothing, and leaves no version.
    tested = owner.rotate_secret(SecretId="shop/db", RotationRules={"ScheduleExpression": "cron(0 8/8 * * ? *)", "Duration": "2h"}, RotateImmediately=False)
    described = until("shop/db", lambda d: tested["VersionId"] not in d["VersionIdsToStages"])
    assert described["VersionIdsToStages"][token] == ["AWSCURRENT"] and described["RotationRules"]["ScheduleExpression"] == "cron(0 8/8 * * ? *)", described

    # A program that fails is called again.
    owner.create_secret(Name="shop/stubborn", SecretString='{"password":"the first one"}')
    owner.rotate_secret(SecretId="shop/stubborn", RotationLambdaARN=ARN + "stubborn:$LATEST")
    until("shop/stubborn", lambda d: "LastRotatedDate" in d)
    assert os.listdir(marks) == ["setSecret"]
    assert value("shop/stubborn")["password"] != "the first one"

    # By a hook, which fails at each step in turn.
    fails[:] = ["createSecret", "setSecret", "testSecret", "finishSecret"]
    owner.create_secret(Name="shop/hooked", SecretString='{"password":"the first one"}')
    owner.rotate_secret(SecretId="shop/hooked", RotationLambdaARN=ARN + "hook:live")
    until("shop/hooked", lambda d: "LastRotatedDate" in d)
    assert value("shop/hooked")["password"] != "the first one"
    steps = ["createSecret", "setSecret", "testSecret", "finishSecret"]
    assert [c[0] for c in hook_calls] == steps[:1] + steps[:2] + steps[:3] + steps + steps, hook_calls
    assert {c[1:] for c in hook_calls} == {("Bearer token-of-the-hook", "application/json")}, hook_calls

    # A hook whose certificate nobody vouches for is not called.
    owner.create_secret(Name="shop/untrusted", SecretString='{"password":"the first one"}')
    untrusted = owner.rotate_secret(SecretId="shop/untrusted", RotationLambdaARN=ARN + "untrusted")

    # What is not configured, or not under that alias, is not invoked, and nothing is stored.
    for function in ("none", "hook", "hook:other"):
        try:
            owner.rotate_secret(SecretId="shop/none" if function == "none" else "shop/db", RotationLambdaARN=ARN + function)
            raise AssertionError("invoked " + function)
        except owner.exceptions.ResourceNotFoundException:
            owner.create_secret(Name="shop/none", SecretString="{}")
        except Exception as error:
            assert "Secrets Manager cannot invoke the specified Lambda function." in str(error), error
    assert "RotationEnabled" not in owner.describe_secret(SecretId="shop/none")

    # The same from JavaScript.
    subprocess.run(
        [node, os.path.join(repository, "tests", "Coffer.Compatibility.Tests", "clients", "node", "rotation.mjs")], check=True, timeout=WAIT, stdout=sys.stderr,
        env=dict(os.environ, ENDPOINT=endpoint, NODE_EXTRA_CA_CERTS=ca, AWS_ACCESS_KEY_ID=keys["owner"][0], AWS_SECRET_ACCESS_KEY=keys["owner"][1], FUNCTION=ARN + "rotate-password"))

    trail = run("audit", "query", "--action", "RotateSecret", "--json")
    for expected in ("exit status 0", "exit status 1", "status 500", "status 204", "SecureConnectionError"):
        assert expected in trail, (expected, trail)
    assert "S3cr3t" not in trail
    assert described["VersionIdsToStages"] == owner.describe_secret(SecretId="shop/db")["VersionIdsToStages"]
    shown = json.loads(run("secret", "rotation", "shop-dev/shop/db", "--json"))["rotation"]
    assert (shown["enabled"], shown["schedule"]) == (True, "cron(0 8/8 * * ? *)") and "days" not in shown and shown["next"] < shown["nextUntil"], shown
    assert ARN + "rotate-password" in run("secret", "rotation", "shop-dev/shop/db")
    pending = owner.cancel_rotate_secret(SecretId="shop/untrusted")
    assert pending["VersionId"] == untrusted["VersionId"], pending
finally:
    if "tail" in globals():
        tail.kill()
    server.send_signal(signal.SIGTERM)
    server.wait(WAIT)
log.seek(0)
assert "S3cr3t" not in log.read()
print("ok")
