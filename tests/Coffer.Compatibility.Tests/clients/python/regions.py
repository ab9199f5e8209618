"""Regions are echoed, one name over all of them; the literal host of each is answered locally."""
import boto3

for region in ("us-east-1", "eu-central-1", "ap-southeast-2"):
    client = boto3.client("secretsmanager", region_name=region)
    answer = client.get_secret_value(SecretId="api-key")
    assert answer["ARN"].split(":")[3] == region, answer["ARN"]
    assert client.meta.endpoint_url == f"https://secretsmanager.{region}.amazonaws.com"
print("ok")
