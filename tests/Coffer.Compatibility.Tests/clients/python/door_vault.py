"""What hvac sends with nothing but its variables, and what a program that reads the token file finds."""
import os

import hvac

assert hvac.Client().secrets.kv.v2.read_secret_version(path="api-key")["data"]["data"]["seen"] == "yes"
with open(os.environ["VAULT_TOKEN_FILE"], encoding="ascii") as file:
    print(file.read())
print(oct(os.stat(os.environ["VAULT_TOKEN_FILE"]).st_mode & 0o777))
print("ok")
