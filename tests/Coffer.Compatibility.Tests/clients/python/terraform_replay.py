"""What Terraform's AWS provider asks for examples/terraform-aws/main.tf, played in its order by boto3. The steps are in the JSON file that
is the first argument; the form is described here. Prints 'ok' at the end.

A step has a resource and its calls. A call has a service, an operation, its parameters, and what the provider reads from the answer:
  answer   paths (JMESPath) and what stands there; {"json": ...} for a text that is JSON, whatever its white space; null for nothing
  keep     names for what stands at a path, which later texts use as ${name}
  error    the code of the error that the provider takes for an answer"""
import json
import os
import re
import sys
import uuid

import boto3
import jmespath
from botocore.exceptions import ClientError

with open(sys.argv[1]) as file:
    steps = json.load(file)
clients = {service: boto3.client(service, endpoint_url=os.environ["ENDPOINT"]) for service in ("secretsmanager", "iam", "sts")}
names = {"account": clients["sts"].get_caller_identity()["Account"]}


def filled(value):
    """Names in texts stand for what they were kept for; a document goes as text."""
    if isinstance(value, dict):
        return json.dumps(filled(value["json"])) if set(value) == {"json"} else {filled(k): filled(v) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v) for v in value]
    return re.sub(r"\$\{(\w+)\}", lambda m: names[m[1]], value) if isinstance(value, str) else value


def check(where, expected, answer):
    for path, value in expected.items():
        found = jmespath.search(filled(path), answer)
        if isinstance(value, dict) and set(value) == {"json"}:
            found = json.loads(found) if isinstance(found, str) else found
            value = value["json"]
        assert found == filled(value), (where, path, found, filled(value))


for step in steps:
    for call in step["calls"]:
        where = f"{step['step']}: {call['operation']}"
        client = clients[call["service"]]
        method = next(m for m, o in client.meta.method_to_api_mapping.items() if o == call["operation"])
        for name in call.get("new", []):
            names[name] = str(uuid.uuid4())
        try:
            answer = getattr(client, method)(**filled(call["parameters"]))
        except ClientError as error:
            assert error.response["Error"]["Code"] == call.get("error"), (where, error)
            continue
        assert "error" not in call, (where, "no error")
        check(where, call.get("answer", {}), answer)
        for name, path in call.get("keep", {}).items():
            names[name] = jmespath.search(path, answer)
            assert names[name], (where, path)
print("ok")
