"""The keys that boto3 finds in the instance metadata service."""
import boto3

credentials = boto3.Session().get_credentials()
assert credentials.method == "iam-role", credentials.method
frozen = credentials.get_frozen_credentials()
print(frozen.access_key)
print(frozen.token)
print("ok")
