#!/usr/bin/python3
"""Writes a wrk script with signed requests, signed by botocore.

  bench/sign.py KEY_ID SECRET_KEY HOST:PORT FILE NAME...                     one GetSecretValue per secret name
  BATCH=20 bench/sign.py KEY_ID SECRET_KEY HOST:PORT FILE NAME...            one BatchGetSecretValue per 20 of them
  OPERATION=ListSecrets bench/sign.py KEY_ID SECRET_KEY HOST:PORT FILE BODY... one request per JSON body

A SigV4 signature is good for five minutes, so one load run sends the same requests again and again.
"""
import json
import os
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

key, secret, host, target = sys.argv[1:5]
rest = sys.argv[5:]
batch = int(os.environ.get("BATCH", "0"))
operation = os.environ.get("OPERATION", "BatchGetSecretValue" if batch else "GetSecretValue")
if operation == "GetSecretValue":
    bodies = [json.dumps({"SecretId": name}) for name in rest]
elif operation == "BatchGetSecretValue":
    bodies = [json.dumps({"SecretIdList": rest[i:i + batch]}) for i in range(0, len(rest), batch)]
else:
    bodies = rest
requests = []
for body in bodies:
    request = AWSRequest("POST", f"https://{host}/", data=body, headers={
        "Host": host,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"secretsmanager.{operation}",
    })
    SigV4Auth(Credentials(key, secret), "secretsmanager", "eu-west-1").add_auth(request)
    requests.append((dict(request.headers.items()), body))

with open(target, "w", encoding="ascii") as script:
    script.write("requests = {}\nfunction init()\n")
    for headers, body in requests:
        fields = ", ".join(f"[{json.dumps(k)}] = {json.dumps(v)}" for k, v in headers.items())
        script.write(f"requests[#requests + 1] = wrk.format('POST', '/', {{{fields}}}, {json.dumps(body)})\n")
    script.write("""end
at = 0
wrong = 0
function request()
  at = at % #requests + 1
  return requests[at]
end
function response(status)
  if status ~= 200 then wrong = wrong + 1; if wrong == 1 then print('first answer that is not 200: ' .. status) end end
end
""")
