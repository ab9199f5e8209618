"""One server over TLS with a vault and one who administers it and nothing else, and client programs against it, one after the other.
Arguments: the coffer executable, the repository, then one argument for each program: its words, joined by a line feed. Prints 'ok'
at the end."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

coffer, repository, *programs = sys.argv[1:]
here = os.getcwd()
os.chmod(here, 0o700)
data = os.path.join(here, "data")
WAIT = 400

# The functions of the example, as the rotation of examples/terraform-aws names one of them.
example = os.path.join(here, "example")
shutil.copytree(os.path.join(repository, "examples", "rotation-python"), example)
functions = os.path.join(example, "functions.json")
with open(functions) as file:
    settings = json.load(file)
settings["functions"]["rotate-password"]["environment"] = {"STAND_IN": "yes"}
with open(functions, "w") as file:
    json.dump(settings, file)


def run(*arguments):
    return subprocess.run([coffer, *arguments], check=True, stdout=subprocess.PIPE, env=dict(os.environ, COFFER_SOCKET=os.path.join(data, "coffer.sock"))).stdout.decode()


run("init", "--data", data)
log = []
server = subprocess.Popen([coffer, "serve", "--data", data, "--listen", "127.0.0.1:0", "--functions", functions], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
try:
    for line in server.stdout:
        log.append(line.decode())
        if match := re.search(r"serving on (https://[^,]+),", log[-1]):
            endpoint = match.group(1)
            break
    else:
        raise AssertionError("".join(log))
    threading.Thread(target=lambda: [log.append(line.decode()) for line in server.stdout], daemon=True).start()
    run("vault", "create", "shop-dev")
    for principal, role in (("rotator", "writer"), ("owner", "admin")):
        run("principal", "create", principal, "--home", "shop-dev")
        run("grant", "create", principal, role, "shop-dev")
    key = json.loads(run("key", "create", "owner", "--json"))
    ca = os.path.join(data, "tls", "ca.pem")
    environment = dict(
        os.environ, ENDPOINT=endpoint, AWS_CA_BUNDLE=ca, NODE_EXTRA_CA_CERTS=ca, AWS_DEFAULT_REGION="eu-west-1", AWS_REGION="eu-west-1", AWS_EC2_METADATA_DISABLED="true",
        AWS_ACCESS_KEY_ID=key["credential"]["id"], AWS_SECRET_ACCESS_KEY=key["secret"])
    for program in programs:
        done = subprocess.run(program.split("\n"), env=environment, stdout=subprocess.PIPE, timeout=WAIT)
        assert done.returncode == 0 and done.stdout.decode().strip().endswith("ok"), (program, done.stdout.decode())
finally:
    server.send_signal(signal.SIGTERM)
    server.wait(WAIT)
print("ok")
