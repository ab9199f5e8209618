#!/usr/bin/python3
"""Writes a wrk script with one signed GetSecretValue per secret name, signed by botocore.

  bench/sign.py KEY_ID SECRET_KEY HOST:PORT FILE NAME...

A SigV4 signature is good for five minutes, so one load run sends the same requests again and again.
"""
import json
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

key, secret, host, target = sys.argv[1:5]
requests = []
for name in sys.argv[5:]:
    body = json.dumps({"SecretId": name})
    request = AWSRequest("POST", f"https://{host}/", data=body, headers={
        "Host": host,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "secretsmanager.GetSecretValue",
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
