"""Signs requests of many shapes with botocore and prints them as vectors: /usr/bin/python3 sigv4.py > sigv4.json

The signatures come from botocore alone, so that the verifier is measured against another's reading of the scheme.
Keys in here are examples and open nothing.
"""
import base64
import datetime
import json

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)


class Frozen(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return NOW


class Clock:
    timedelta = datetime.timedelta
    datetime = Frozen


botocore.auth.datetime = Clock

KEY = "AKIDVECTOR0000000001"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
vectors = []


def vector(name, method="POST", host="coffer.test:8200", path="/", query="", headers=(), body=b"{}", region="eu-west-1",
           service="secretsmanager", token=None, presign=None, secret=SECRET):
    request = AWSRequest(method=method, url=f"https://{host}{path}" + (f"?{query}" if query else ""), data=body)
    for key, value in headers:
        request.headers.add_header(key, value)
    credentials = Credentials(KEY, secret, token)
    if presign is None:
        botocore.auth.SigV4Auth(credentials, service, region).add_auth(request)
    else:
        botocore.auth.SigV4QueryAuth(credentials, service, region, expires=presign).add_auth(request)
    target = request.url.split("//", 1)[1]
    target = target[target.index("/"):] if "/" in target else "/"
    sent = [("Host", host)] + [(k, v) for k, v in request.headers.items()]
    vectors.append({
        "name": name, "method": method, "target": target, "headers": [[k, v] for k, v in sent],
        "body": base64.b64encode(body if isinstance(body, bytes) else body.encode()).decode(),
        "secret": secret, "region": region, "service": service,
    })


TARGET = ("X-Amz-Target", "secretsmanager.GetSecretValue")
JSON = ("Content-Type", "application/x-amz-json-1.1")
PLAIN = [TARGET, JSON]
JS = [
    ("amz-sdk-invocation-id", "7c0f3b0e-3f0a-4f3c-9f86-0d7a6e0a7f11"), ("amz-sdk-request", "attempt=1; max=3"), ("content-length", "24"),
    JSON, TARGET, ("x-amz-user-agent", "aws-sdk-js/3.1160.0"), ("User-Agent", "aws-sdk-js/3.1160.0 ua/2.1 os/linux#6.1 lang/js"),
]

vector("boto3", headers=PLAIN, body=b'{"SecretId": "app/db"}')
vector("boto3_session", headers=PLAIN, body=b'{"SecretId": "app/db"}', token="IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ==")
vector("js_v3", headers=JS, body=b'{"SecretId":"app/db-key"}'[:24])
vector("dotnet_v4", headers=[JSON, TARGET, ("X-Amz-Api-Version", "2017-10-17"), ("User-Agent", "aws-sdk-dotnet-coreclr/4.0")])
vector("default_port", host="coffer.test", headers=PLAIN)
vector("ipv6_host", host="[::1]:8200", headers=PLAIN)
vector("other_region", headers=PLAIN, region="us-gov-west-1")
vector("empty_body", headers=PLAIN, body=b"")
vector("utf8_body", headers=PLAIN, body='{"SecretId":"é€😀"}')
vector("binary_body", headers=PLAIN, body=bytes(range(256)))
vector("large_body", headers=PLAIN, body=b"x" * 5_000)
vector("prefix", path="/aws", headers=PLAIN)
vector("prefix_slash", path="/aws/", headers=PLAIN)
vector("prefix_encoded_space", path="/my%20aws/", headers=PLAIN)
vector("prefix_encoded_unicode", path="/caf%C3%A9/x", headers=PLAIN)
vector("prefix_double_slash", path="//aws///x//", headers=PLAIN)
vector("prefix_dots", path="/a/./b/../c/", headers=PLAIN)
vector("prefix_dots_above_root", path="/../../a", headers=PLAIN)
vector("prefix_reserved", path="/a+b=c@d~e_f-g.h!i*j", headers=PLAIN)
vector("query_plain", query="b=2&a=1", headers=PLAIN)
vector("query_same_name", query="a=2&a=1&a=10", headers=PLAIN)
vector("query_empty_value", query="a=&b=1", headers=PLAIN)
vector("query_encoded", query="a=x%20y%2Fz&b=~", headers=PLAIN)
vector("header_inner_spaces", headers=PLAIN + [("X-Amz-Meta", "a   b    c")])
vector("header_repeated", headers=PLAIN + [("X-Amz-Meta", "one"), ("X-Amz-Meta", "two"), ("X-Amz-Meta", "one")])
vector("header_repeated_spaces", headers=PLAIN + [("X-Amz-Meta", "a  b"), ("X-Amz-Meta", "c   d")])
vector("header_commas", headers=PLAIN + [("Accept", "a/b, c/d;q=0.1,e/f")])
vector("header_many", headers=PLAIN + [(f"X-Amz-Meta-{i:02}", f"value {i}") for i in range(40)])
vector("header_long", headers=PLAIN + [("X-Amz-Meta", "abc " * 1000 + "d")])
vector("secret_short", headers=PLAIN, secret="x")
vector("secret_long", headers=PLAIN, secret="s" * 128)
vector("sts_form", service="sts", headers=[("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")], body=b"Action=GetCallerIdentity&Version=2011-06-15")
vector("sts_get", service="sts", method="GET", query="Action=GetCallerIdentity&Version=2011-06-15", body=b"")
vector("sts_presigned", service="sts", method="GET", query="Action=GetCallerIdentity&Version=2011-06-15", body=b"", presign=60)
vector("sts_presigned_session", service="sts", method="GET", query="Version=2011-06-15&Action=GetCallerIdentity", body=b"", presign=900, token="abc/+=&~ def")
vector("sts_presigned_header", service="sts", method="GET", query="Action=GetCallerIdentity&Version=2011-06-15", body=b"", presign=60, headers=[("x-k8s-aws-id", "cluster-1")])
vector("sts_presigned_post", service="sts", method="POST", query="Action=GetCallerIdentity&Version=2011-06-15", body=b"", presign=60)
print(json.dumps(vectors, indent=1))
